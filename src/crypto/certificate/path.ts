/**
 * Certification paths (RFC 5280 section 6): builds every path from the leaf to a trust anchor that names and signatures allow,
 * takes the first without fault, and otherwise tells the best one with what is wrong on it. All work is bounded: what is
 * crafted to be slow is refused instead.
 */

import { equalBytes } from '../bytes.js';
import { escapeUntrusted } from '../text.js';
import { constraintViolation, MAX_COMPARISONS, type ComparisonBudget } from './constraints.js';
import { shortName } from './names.js';
import type { Certificate } from './parse.js';
import { certificateFaults, isSelfIssued, weakKeyReason, type Fault } from './rules.js';
import { verifySignature } from './signature.js';

export const PATH_LIMITS = {
  /** CA certificates between leaf and anchor that are not self-issued. */
  intermediates: 8,
  /** Certificates in a path, self-issued ones included. */
  certificates: 12,
  /** Certificates given beside the leaf. */
  given: 200,
  signatureChecks: 64,
  /** Paths looked at to the end. */
  paths: 32,
} as const;

export interface TrustAnchors {
  certificates: readonly Certificate[];
  /** Those of a public root program, to which the public rules apply. */
  isPublic(anchor: Certificate): boolean;
}

export interface PathOptions {
  at: Date;
  purpose: 'serverAuth' | 'clientAuth';
  anchors: TrustAnchors;
  /** What was sent or given beside the leaf, in any order; extra ones do no harm. */
  intermediates: readonly Certificate[];
  maxIntermediates?: number;
  /** Whether a missing issuer could be fetched and has not been asked for; the remedy says so. */
  fetchable?: boolean;
}

export interface Path {
  /** Leaf first. */
  certificates: readonly Certificate[];
  /** Ends in a trust anchor. */
  anchored: boolean;
  faults: readonly Fault[];
}

/** The best path: one without `fail` where there is any. */
export function buildPath(leaf: Certificate, options: PathOptions): Path {
  return new Builder(leaf, options).build();
}

/** Whether a path that is anchored ends in a public root. */
export function isPublicPath(certificates: readonly Certificate[], anchors: TrustAnchors): boolean {
  const last = certificates.at(-1);
  return last !== undefined && anchors.isPublic(last);
}

export function isSound(path: Path): boolean {
  return path.anchored && !path.faults.some(({ severity }) => severity === 'fail');
}

class Builder {
  readonly #leaf: Certificate;
  readonly #options: PathOptions;
  readonly #anchors = new Map<string, Certificate[]>();
  readonly #intermediates = new Map<string, Certificate[]>();
  readonly #anchorBytes: ReadonlySet<string>;
  readonly #signatures = new Map<Certificate, Map<Certificate, boolean>>();
  readonly #comparisons: ComparisonBudget = { left: MAX_COMPARISONS };
  #checksLeft: number = PATH_LIMITS.signatureChecks;
  #pathsLeft: number = PATH_LIMITS.paths;
  #best: { path: Path; score: number[] } | null = null;
  #found = false;
  /** Issuers were left untried when the number of paths was reached. */
  #cutOff = false;

  constructor(leaf: Certificate, options: PathOptions) {
    this.#leaf = leaf;
    this.#options = options;
    for (const anchor of options.anchors.certificates) add(this.#anchors, anchor);
    for (const given of options.intermediates.slice(0, PATH_LIMITS.given)) add(this.#intermediates, given);
    this.#anchorBytes = new Set(options.anchors.certificates.map(bytesOf));
  }

  build(): Path {
    this.#extend([this.#leaf]);
    // The search always looks at one path at least.
    const path = this.#best?.path ?? { certificates: [this.#leaf], anchored: false, faults: [] };
    // What is wrong with the best of those that were looked at need not be wrong with all there are.
    if (!this.#found && this.#cutOff && !path.faults.some(({ code }) => code === 'chain_too_complex'))
      return { ...path, faults: [...path.faults, tooComplex(path.certificates.length - 1)] };
    return path;
  }

  /** Depth first, the likeliest issuer first, until a path without fault is found or the budget is spent. */
  #extend(path: readonly Certificate[]): void {
    if (this.#found || this.#pathsLeft <= 0) return;
    const tip = path.at(-1) as Certificate;
    if (this.#anchorBytes.has(bytesOf(tip))) return this.#finish(path, true, null);
    const named = this.#issuersOf(tip, path);
    if (path.length >= PATH_LIMITS.certificates) return this.#finish(path, false, tooLong(path.length - 1));
    let extended = false;
    for (const issuer of named) {
      if (this.#found) return;
      if (this.#pathsLeft <= 0) {
        this.#cutOff = true;
        return;
      }
      const signed = this.#isSignedBy(tip, issuer);
      if (signed === null) return this.#finish(path, false, tooComplex(path.length - 1));
      if (!signed) continue;
      extended = true;
      this.#extend([...path, issuer]);
    }
    if (!extended) this.#finish(path, false, this.#deadEnd(tip, path.length - 1, named));
  }

  /** Whose subject is the tip's issuer: anchors first, then by key identifier, by validity, and the newest. */
  #issuersOf(tip: Certificate, path: readonly Certificate[]): Certificate[] {
    const key = nameKey(tip.issuer.canonical);
    const anchors = this.#anchors.get(key) ?? [];
    const candidates = [...anchors, ...(this.#intermediates.get(key) ?? [])];
    const wanted = tip.authorityKeyIdentifier?.keyIdentifier ?? null;
    const { at } = this.#options;
    const rank = (entry: Certificate): number => {
      const own = entry.subjectKeyIdentifier;
      const keyFits = wanted === null || own === null ? 1 : equalBytes(wanted, own) ? 0 : 2;
      const valid = at >= entry.notBefore && at <= entry.notAfter ? 0 : 1;
      // One whose own issuer is an anchor leads there in one step more: strangers of the same name do not.
      const near = anchors.includes(entry) ? 0 : this.#anchors.has(nameKey(entry.issuer.canonical)) ? 1 : 2;
      return keyFits * 6 + valid * 3 + near;
    };
    const used = new Set(path.map(identity));
    const seen = new Set<string>();
    return candidates
      .filter((entry) => {
        const id = `${identity(entry)} ${Buffer.from(entry.signature).toString('latin1')}`;
        if (used.has(identity(entry)) || seen.has(id)) return false;
        seen.add(id);
        return true;
      })
      .map((entry) => ({ entry, rank: rank(entry) }))
      .toSorted((a, b) => a.rank - b.rank || b.entry.notAfter.getTime() - a.entry.notAfter.getTime())
      .map(({ entry }) => entry);
  }

  /** Null where the budget of signature checks is spent. */
  #isSignedBy(child: Certificate, issuer: Certificate): boolean | null {
    let known = this.#signatures.get(child);
    if (known === undefined) this.#signatures.set(child, (known = new Map<Certificate, boolean>()));
    const before = known.get(issuer);
    if (before !== undefined) return before;
    if (this.#checksLeft-- <= 0) return null;
    const key = issuer.publicKey;
    const signed =
      key !== null && isUsable(issuer) && verifySignature(child.signatureAlgorithm, key, child.tbs, child.signature);
    known.set(issuer, signed);
    return signed;
  }

  #deadEnd(tip: Certificate, position: number, named: readonly Certificate[]): Fault {
    const issuer = shortName(tip.issuer);
    const fault = (code: string, explanation: string, remedy: string): Fault => ({
      check: 'chain',
      code,
      severity: 'fail',
      position,
      explanation,
      remedy,
    });
    if (isSelfIssued(tip)) {
      if (this.#isSignedBy(tip, tip) !== true)
        return fault(
          'bad_signature',
          `${subjectOf(tip, position)} names itself as issuer, but its own key did not sign it.`,
          'Issue it anew.',
        );
      return position === 0
        ? fault(
            'self_signed',
            'The certificate is signed by its own key: nobody else vouches for it.',
            'Use a certificate of a CA that your clients trust, or give this one as trust where it is your own.',
          )
        : fault(
            'untrusted_root',
            `The chain ends in the root ${shortName(tip.subject)}, which is not trusted here.`,
            'Give that root as trust where it is your own CA; otherwise use a certificate of a CA that your clients trust.',
          );
    }
    const unusable = named.find((entry) => !isUsable(entry));
    if (unusable !== undefined)
      return {
        check: 'chain',
        code: 'weak_key',
        severity: 'fail',
        position,
        explanation: `The CA certificate ${issuer} has a key that no signature is verified with: it ${weakKeyReason(unusable) ?? 'is not accepted'}.`,
        remedy: 'Use a certificate of a CA with a key of RSA 2048 bits or more, P-256, P-384, P-521 or Ed25519.',
      };
    const wanted = tip.authorityKeyIdentifier?.keyIdentifier ?? null;
    const sameKey = named.some(
      ({ subjectKeyIdentifier: own }) => wanted === null || own === null || equalBytes(own, wanted),
    );
    if (named.length > 0 && sameKey)
      return fault(
        'bad_signature',
        `${subjectOf(tip, position)} was not signed by the key of its issuer ${issuer}: it was changed, or another CA of that name made it.`,
        'Have it issued anew, or send the CA certificate that belongs to it.',
      );
    if (position === 0) return missingIssuer(tip, position, this.#options.fetchable === true);
    const action = `Give the root ${issuer} as trust where it is your own CA, or send the certificate that leads to a trusted root.`;
    return {
      ...fault(
        'untrusted_root',
        `The chain ends below ${issuer}, which was not sent and is not trusted here.`,
        `${action}${addressOf(tip)}`,
      ),
      action,
    };
  }

  #finish(certificates: readonly Certificate[], anchored: boolean, end: Fault | null): void {
    this.#pathsLeft--;
    const { at, purpose, anchors, maxIntermediates } = this.#options;
    const publicAnchor = anchored && isPublicPath(certificates, anchors);
    const faults = [
      ...(end === null ? [] : [end]),
      ...lengthFaults(certificates, anchored, maxIntermediates ?? PATH_LIMITS.intermediates),
      ...constraintFaults(certificates, this.#comparisons),
      ...certificateFaults(certificates, { at, purpose, publicAnchor, anchored }),
    ].toSorted((a, b) => a.position - b.position);
    const path = { certificates, anchored, faults };
    if (isSound(path)) this.#found = true;
    const failures = faults.filter(({ severity }) => severity === 'fail');
    // Best: sound, then anchored, then with the fewest failures, then the longest of those that end nowhere.
    const score = [this.#found ? 0 : 1, anchored ? 0 : 1, failures.length, anchored ? 0 : -certificates.length];
    if (this.#best === null || isLess(score, this.#best.score)) this.#best = { path, score };
  }
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value < (b[i] ?? 0);
  return false;
}

function add(index: Map<string, Certificate[]>, certificate: Certificate): void {
  const key = nameKey(certificate.subject.canonical);
  const list = index.get(key);
  if (list === undefined) index.set(key, [certificate]);
  else list.push(certificate);
}

function nameKey(canonical: readonly string[]): string {
  return canonical.join('\n');
}

/** One CA in a path: its name and key. A certificate of the same CA by another issuer must not stand in a path twice. */
function identity(certificate: Certificate): string {
  return `${nameKey(certificate.subject.canonical)}\n${Buffer.from(certificate.spki).toString('latin1')}`;
}

function bytesOf(certificate: Certificate): string {
  return Buffer.from(certificate.der).toString('latin1');
}

/** Curves of the kinds whose arithmetic is quick. The binary ones take milliseconds a signature. */
const QUICK_CURVES = /^(?:prime|secp)(?:192|224|256|384|521)/;

/** Whether signatures are verified with a key: none whose verification an attacker could make slow (64 of them within 200 ms). */
function isUsable({ publicKey }: Certificate): boolean {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = publicKey?.asymmetricKeyDetails ?? {};
  switch (publicKey?.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength <= 8_192 && publicExponent <= 0xffff_ffffn;
    case 'ec':
      return QUICK_CURVES.test(namedCurve);
    case 'ed25519':
    case 'ed448':
      return true;
    default:
      return false;
  }
}

function subjectOf(certificate: Certificate, position: number): string {
  return position === 0 ? 'The certificate' : `The CA certificate ${shortName(certificate.subject)}`;
}

/** The issuer of the last certificate of a path was not sent. */
export function missingIssuer(tip: Certificate, position: number, fetchable: boolean): Fault {
  const issuer = shortName(tip.issuer);
  const hasAddress = tip.caIssuersUrls.length > 0;
  // One that names no address for its issuer is mostly of a private CA, whose root may be all there is above it.
  const own = hasAddress ? '' : ', or give it as trust where it is your own root';
  const headline =
    position === 0
      ? `The intermediate certificate ${issuer} is not sent.`
      : `The certificate of ${issuer}, the issuer of ${shortName(tip.subject)}, is not sent.`;
  return {
    headline,
    action: `Append it to the chain file of the server${own}.`,
    check: 'chain',
    code: 'missing_intermediate',
    severity: 'fail',
    position,
    explanation: `The certificate of ${position === 0 ? `its issuer ${issuer}` : `${issuer}, the issuer of ${shortName(tip.subject)},`} was not sent and is not trusted here.`,
    remedy: `Append the certificate of ${issuer} to the chain that the server sends${own}${fetchable && hasAddress ? ', or let it be fetched with fetch_missing' : ''}.${addressOf(tip)}`,
  };
}

const MAX_ADDRESS = 200;

/** Where a certificate says that its issuer's is (RFC 5280 section 4.2.2.1), as a sentence. Written as a URL, it can say nothing else. */
function addressOf({ caIssuersUrls }: Certificate): string {
  const url = caIssuersUrls.find((text) => /^https?:/i.test(text) && text.length <= 2_048 && URL.canParse(text));
  return url === undefined ? '' : ` It names ${escapeUntrusted(new URL(url).href, MAX_ADDRESS)} for it.`;
}

function tooLong(position: number): Fault {
  return {
    check: 'chain',
    code: 'chain_too_long',
    severity: 'fail',
    position,
    explanation: `The chain has more than ${PATH_LIMITS.intermediates} CA certificates between the certificate and a root.`,
    remedy: 'Use a certificate that is issued closer to a root.',
  };
}

function tooComplex(position: number): Fault {
  return {
    check: 'chain',
    code: 'chain_too_complex',
    severity: 'fail',
    position,
    explanation: 'So many certificates of one name were given that trying them all is refused.',
    remedy: 'Give only the certificates that lead to the root.',
  };
}

/** Path lengths (RFC 5280 section 6.1.4 (l), (m)): certificates that are not self-issued between a CA and the leaf. */
function lengthFaults(path: readonly Certificate[], anchored: boolean, maxIntermediates: number): Fault[] {
  const faults: Fault[] = [];
  let below = 0;
  for (const [position, certificate] of path.entries()) {
    if (position === 0) continue;
    const allowed = certificate.basicConstraints?.pathLength ?? null;
    if (allowed !== null && below > allowed)
      faults.push({
        check: 'chain',
        code: 'path_length',
        severity: 'fail',
        position,
        explanation: `${subjectOf(certificate, position)} allows ${allowed} CA certificates below it, and there are ${below}.`,
        remedy: 'Use a certificate that is issued closer to that CA, or a CA without that limit.',
      });
    const isAnchor = anchored && position === path.length - 1;
    if (!isSelfIssued(certificate) && !isAnchor) below++;
  }
  if (below > maxIntermediates) faults.push(tooLong(path.length - 1));
  return faults;
}

/** Each CA's name constraints hold for everything below it but self-issued CA certificates (RFC 5280 section 6.1.3 (b), (c)). */
function constraintFaults(path: readonly Certificate[], budget: ComparisonBudget): Fault[] {
  const faults: Fault[] = [];
  for (const [above, { nameConstraints }] of path.entries()) {
    if (above === 0 || nameConstraints === null) continue;
    for (const [position, certificate] of path.slice(0, above).entries()) {
      if (position > 0 && isSelfIssued(certificate)) continue;
      const explanation = constraintViolation(nameConstraints, certificate, budget);
      if (explanation === null) continue;
      const constrainer = shortName(path[above]?.subject ?? certificate.issuer);
      const headline = `${subjectOf(certificate, position)} breaks the name constraints of ${constrainer}.`;
      faults.push({
        check: 'chain',
        code: 'name_constraint',
        severity: 'fail',
        position,
        headline,
        explanation: `${headline} ${explanation}`,
        remedy: 'Have it issued by a CA that may issue for its names.',
      });
    }
  }
  return faults;
}
