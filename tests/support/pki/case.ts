/** What a case of the PKI lab is: certificates, the question, and the judgement that is right. */

import type { Issued } from './certificates.js';
import { GOOD_NAME, type Lab } from './lab.js';

export type CaseVerdict = 'trusted' | 'untrusted' | 'undetermined';

export interface Expected {
  /** Several where the standards leave it open: see the case's `note`. */
  verdict: CaseVerdict | CaseVerdict[];
  /** Codes of failing, warning or unknown checks that must all be there. */
  codes: string[];
  /** At least one of these codes must be there. */
  anyOf?: string[];
  /** Codes that must not be there. */
  absent?: string[];
  /** Some check must fail, warn or be unknown, by whatever code. */
  finding?: boolean;
  /** The verdict with `revocation: 'hard'`, where it differs or is worth asking. */
  hard?: CaseVerdict | CaseVerdict[];
}

export interface PkiCase {
  name: string;
  /** As a server sends it: `chain[0]` is the leaf, whose private key is there too. */
  chain: Issued[];
  anchors: Issued[];
  /** The anchors count as public ones (system roots): the public rules of lifetime apply. */
  publicAnchors?: boolean;
  serverName?: string;
  at: Date;
  /** What the server staples; `null`: a handshake that asked and got none; absent: no handshake. */
  staple?: Uint8Array | null;
  /** Given to `certificate_verify`. */
  ocsp?: Uint8Array;
  crls?: Uint8Array[];
  pins?: string[];
  expected: Expected;
  /** Why several verdicts are right, or another is to be expected than OpenSSL's. */
  note?: string;
  /** Why Node is not asked: see `nodeVerdict`. */
  nodeNotComparable?: string;
}

export type CaseInput = Partial<Omit<PkiCase, 'name' | 'expected'>> & { leaf?: Issued };

/** Collects cases; what is left out is the good case's: `[leaf or good, intermediate]`, `rootEc`, `good.lab.test`, `at`. */
export class CaseList {
  readonly cases: PkiCase[] = [];
  constructor(private readonly lab: Lab) {}

  #add(name: string, { leaf, ...input }: CaseInput, expected: Expected): void {
    const { lab } = this;
    const chain = input.chain ?? [leaf ?? lab.good, lab.intermediate];
    this.cases.push({ anchors: [lab.rootEc], serverName: GOOD_NAME, at: lab.at, ...input, name, chain, expected });
  }

  trusted(name: string, input: CaseInput = {}, more: Partial<Expected> = {}): void {
    this.#add(name, input, { verdict: 'trusted', codes: [], ...more });
  }

  untrusted(name: string, codes: string | string[], input: CaseInput, more: Partial<Expected> = {}): void {
    this.#add(name, input, { verdict: 'untrusted', codes: [codes].flat(), ...more });
  }

  /** The standards, or good taste, allow more than one verdict. */
  open(name: string, verdict: CaseVerdict[], input: CaseInput & { note: string }, more: Partial<Expected> = {}): void {
    this.#add(name, input, { verdict, codes: [], ...more });
  }
}
