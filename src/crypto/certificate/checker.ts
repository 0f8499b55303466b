/** What the certificate tools need of the outside: probing servers and the system's trust anchors. Implemented in `network/`. */

import type { RevocationMode } from './checks.js';
import type { ConnectionFacts } from './connection.js';
import type { Judgement } from './judgement.js';
import type { Certificate } from './parse.js';

export const STARTTLS_PROTOCOLS = ['smtp', 'imap', 'pop3', 'ftp', 'ldap', 'postgres', 'xmpp'] as const;
export type StartTlsProtocol = (typeof STARTTLS_PROTOCOLS)[number];

/** What is asked of live and of given certificates alike. */
interface Question {
  /** The name the certificate must be for; of a live check where it is not the host that is dialled. */
  serverName?: string;
  /** Trust anchors in place of the system's. */
  trust?: readonly Certificate[];
  /** The time to judge for; now where it is absent. */
  at?: Date;
}

export interface CheckRequest extends Question {
  /** `host`, `host:port`, `[v6]:port`. */
  targets: readonly string[];
  revocation: RevocationMode;
  pins: readonly string[];
  starttls?: StartTlsProtocol;
  /** For each target, from resolving its name to the last answer about revocation. */
  timeoutSeconds: number;
  fetchMissing: boolean;
}

export interface VerifyRequest extends Question {
  leaf: Certificate;
  others: readonly Certificate[];
  crls: readonly Uint8Array[];
  ocspResponses: readonly Uint8Array[];
  /** Certificates that were given and are not part of the judgement: unreadable, or too many. */
  leftOut: number;
  /** A private key was given along, as text. */
  keyShown: boolean;
}

export interface CheckedTarget {
  judgement: Judgement;
  facts: ConnectionFacts;
}

export interface CertificateChecker {
  /**
   * Judges servers, many at once; what is finished when the signal is aborted is answered, the rest as cut off.
   * Throws `input_invalid` for a target that is none, before anything is dialled.
   */
  check(request: CheckRequest, signal: AbortSignal, onFinished: (finished: number) => void): Promise<CheckedTarget[]>;
  /** Judges a certificate that is given, without the network. */
  verify(request: VerifyRequest, signal: AbortSignal): Promise<Judgement>;
}
