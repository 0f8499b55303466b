/** What a probe of a TLS server found, as the judgement needs it. Made by `network/tls-probe.ts`. */

/** Why no TLS connection, or no whole one, came about. */
export const CONNECTION_FAULTS = [
  'network_refused',
  'name_not_found',
  'refused',
  'unreachable',
  'reset',
  'timeout',
  'not_tls',
  'starttls_refused',
  'handshake_failed',
  'cancelled',
] as const;
export type ConnectionFault = (typeof CONNECTION_FAULTS)[number];

export interface ConnectionFacts {
  /** The address dialled, where one was. */
  address?: string;
  port: number;
  /** Why it did not come about; absent where the handshake was completed. */
  fault?: { code: ConnectionFault; explanation: string; remedy: string };
  /** Such as `TLSv1.3`; absent where no version was agreed on. */
  protocol?: string;
  /** The name of RFC 8446 or the IANA registry, such as `TLS_AES_256_GCM_SHA384`. */
  cipher?: string;
  /** The group of the key exchange where Node tells it, such as `X25519` or `X25519MLKEM768`. */
  keyExchange?: string;
  /** The server asked for a client certificate; `required`: it ended the handshake without one. */
  clientCertificate: 'no' | 'requested' | 'required' | 'unknown';
  /** The certificates as the server sent them, DER, leaf first; empty where none was seen. */
  certificates: Uint8Array[];
  /** The stapled OCSP response (DER), where one was sent. */
  staple?: Uint8Array;
  /**
   * What OpenSSL says of the chain against the same trust anchors and server name, made in the same handshake: null where
   * it is content, else its code such as `CERT_HAS_EXPIRED`; absent where the handshake did not get so far.
   */
  opensslError?: string | null;
}
