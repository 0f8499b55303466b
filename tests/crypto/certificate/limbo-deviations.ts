/** Where our judgement differs from x509-limbo's, and why. `told`: the code of the warning or failure that says so all the same. */

export interface Deviation {
  reason: string;
  told?: string;
}

const COMMON_NAME =
  'Nobody reads the common name of a certificate that has alternative names (RFC 9525 section 6.3), so a stray one harms nobody: it is a warning. Private CAs write them freely.';

export const LIMBO_DEVIATIONS: Readonly<Record<string, Deviation>> = {
  'webpki::cn::case-mismatch': { reason: COMMON_NAME, told: 'common_name' },
  'webpki::cn::ipv4-leading-zeros-mismatch': { reason: COMMON_NAME, told: 'common_name' },
  'webpki::cn::ipv6-uncompressed-mismatch': { reason: COMMON_NAME, told: 'common_name' },
  'webpki::cn::not-in-san': { reason: COMMON_NAME, told: 'common_name' },
  'webpki::cn::utf8-vs-punycode-mismatch': { reason: COMMON_NAME, told: 'common_name' },
  'webpki::eku::ee-anyeku': {
    reason:
      'It names serverAuth beside anyExtendedKeyUsage. RFC 5280 section 4.2.1.12 allows that and OpenSSL accepts it; only the Baseline Requirements (section 7.1.2.7.10) forbid it, so it is a warning.',
    told: 'any_purpose',
  },
  'webpki::eku::ee-without-eku': {
    reason:
      'Without an extended key usage RFC 5280 section 4.2.1.12 restricts nothing, and private CAs made with openssl leave it out. The Baseline Requirements (section 7.1.2.7.6) demand it, so it is a warning.',
    told: 'no_purpose',
  },
  'webpki::san::public-suffix-multi-label-wildcard-san': {
    reason:
      'That co.uk is a public suffix stands in a list of thousands that changes by the week; without it *.co.uk looks like *.example.com. No public CA issues such names (Baseline Requirements section 3.2.2.6).',
  },
  'pathlen::validation-ignores-pathlen-in-leaf': {
    reason:
      'The path length is not what we refuse: the server uses a CA certificate as its own, which section 7.1.2.7.8 of the Baseline Requirements forbids and the judgement is asked to refuse.',
    told: 'ca_leaf',
  },
};

/** The kinds of cases that may be judged otherwise. */
export function mayDeviate(id: string, features: readonly string[]): boolean {
  return (
    features.some((feature) => feature.startsWith('pedantic-')) ||
    /^webpki::cn::|::(?:serial|aki|ski)::/.test(id) ||
    id === 'pathlen::validation-ignores-pathlen-in-leaf'
  );
}
