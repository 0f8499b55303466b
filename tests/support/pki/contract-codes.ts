/** The codes of the contract (CONTRACT.md, certificate rows), by where a case can reach them. */

/** By a certificate and what is given with it. */
export const OFFLINE_CODES = [
  'expired',
  'not_yet_valid',
  'hostname_mismatch',
  'self_signed',
  'untrusted_root',
  'missing_intermediate',
  'bad_signature',
  'not_a_ca',
  'path_length',
  'name_constraint',
  'unknown_critical_extension',
  'wrong_purpose',
  'weak_key',
  'weak_signature',
  'lifetime_too_long',
  'revoked',
  'revocation_unavailable',
  'must_staple_missing',
  'staple_invalid',
  'pin_mismatch',
  'chain_too_long',
] as const;

/** Only by dialling. */
export const LIVE_CODES = [
  'old_protocol',
  'not_tls',
  'timeout',
  'refused',
  'reset',
  'client_certificate_required',
  'network_refused',
  'name_not_found',
] as const;
