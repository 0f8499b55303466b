/** What an operator lets a key sign: issuers, audiences and the longest lifetime of its tokens. */

import { SecurityError } from './errors.js';
import { isJsonObject, parseBoundedJson } from './json.js';
import { JWT_LIMITS } from './jwt.js';

export interface TokenPolicy {
  issuers?: readonly string[];
  audiences?: readonly string[];
  max_ttl_seconds?: number;
}

/** The longest lifetime that a policy can allow: ten years. */
export const MAX_POLICY_TTL_SECONDS = 315_360_000;
const MAX_POLICY_BYTES = 8_192;

/** A policy from its JSON text, or null where it is none. An empty object is one that binds nothing beyond the defaults. */
export function readTokenPolicy(text: string): TokenPolicy | null {
  const value = parseBoundedJson(text, { maxBytes: MAX_POLICY_BYTES, maxDepth: 3 });
  if (!isJsonObject(value)) return null;
  for (const [name, entry] of Object.entries(value)) {
    if (name === 'issuers' || name === 'audiences') {
      if (!Array.isArray(entry) || entry.length === 0) return null;
      if (!entry.every((one) => typeof one === 'string' && one !== '' && one.isWellFormed())) return null;
    } else if (name === 'max_ttl_seconds') {
      if (!Number.isInteger(entry) || Number(entry) < 1 || Number(entry) > MAX_POLICY_TTL_SECONDS) return null;
    } else return null;
  }
  return value;
}

export interface TokenRequest {
  issuer?: string | undefined;
  audience?: string | string[] | undefined;
  /** Undefined for the default of `maxTtlSeconds`. */
  ttlSeconds?: number | undefined;
  neverExpires: boolean;
}

/** Throws `policy_refused` where the policy does not allow the token. */
export function requireAllowed(policy: TokenPolicy, request: TokenRequest): void {
  const { issuers, audiences, max_ttl_seconds } = policy;
  if (issuers !== undefined && (request.issuer === undefined || !issuers.includes(request.issuer)))
    throw refused(
      'this issuer',
      'Give an issuer that the policy of the key names (key_list shows it), or use another key.',
    );
  if (audiences !== undefined) {
    const wanted = request.audience === undefined ? [] : [request.audience].flat();
    if (wanted.length === 0 || !wanted.every((one) => audiences.includes(one)))
      throw refused(
        'this audience',
        'Give only audiences that the policy of the key names (key_list shows it), or use another key.',
      );
  }
  if (max_ttl_seconds !== undefined && (request.neverExpires || (request.ttlSeconds ?? 0) > max_ttl_seconds))
    throw refused('this lifetime', 'Give a shorter ttl_seconds, or leave it out for the longest that is allowed.');
}

/** The longest lifetime under a policy; without one, a day. */
export function longestTtlSeconds(policy: TokenPolicy | undefined): number {
  return policy?.max_ttl_seconds ?? JWT_LIMITS.ttlSeconds;
}

function refused(what: string, hint: string): SecurityError {
  return new SecurityError('policy_refused', `The operator's policy of this key does not allow ${what}.`, { hint });
}
