/**
 * Name constraints (RFC 5280 section 4.2.1.10): whether the names of a certificate lie where a CA above it may issue. A name
 * that cannot be read, and a constraint that cannot, count as violated: could not find out is never good.
 */

import { isHostName } from './hostname.js';
import { EMAIL_ATTRIBUTE, isEmptyName, isWithin, showGeneralName, type GeneralName } from './names.js';
import type { Certificate, NameConstraints } from './parse.js';

/** Comparisons of names with constraints in one judgement: their number is the product of two lists an attacker writes. */
export const MAX_COMPARISONS = 250_000;

export interface ComparisonBudget {
  left: number;
}

/** What is wrong with the names of `certificate` under `constraints`, as a sentence, or null. */
export function constraintViolation(
  constraints: NameConstraints,
  certificate: Certificate,
  budget: ComparisonBudget,
): string | null {
  const names = constrainedNames(certificate);
  // Reading the constraints costs as much as one name does.
  budget.left -= Math.max(1, names.length) * (constraints.permitted.length + constraints.excluded.length);
  if (budget.left < 0) return 'Its names times the constraints above it are too many to compare.';
  if (constraints.unusual) return 'The constraints above it are empty or have bounds, which RFC 5280 forbids.';
  const malformed = [...constraints.permitted, ...constraints.excluded].find((base) => !isSoundBase(base));
  if (malformed?.type === 'dns' && isHostName(malformed.value.slice(1).toLowerCase()))
    return `A constraint above it begins with a period (${showGeneralName(malformed)}), which RFC 5280 section 4.2.1.10 knows for mail and URIs but not for DNS names.`;
  if (malformed !== undefined) return `A constraint above it cannot be read (${showGeneralName(malformed)}).`;
  for (const name of names) {
    const kind = kindOf(name);
    const excluded = constraints.excluded.filter((base) => kindOf(base) === kind);
    const permitted = constraints.permitted.filter((base) => kindOf(base) === kind);
    if (excluded.length === 0 && permitted.length === 0) continue;
    const shown = showGeneralName(name);
    if (!isSoundName(name)) return `Its name ${shown} cannot be read and so cannot be shown to be allowed.`;
    if (excluded.some((base) => touches(name, base)))
      return `Its name ${shown} is in a subtree that a CA above it excludes.`;
    if (permitted.length > 0 && !permitted.some((base) => lies(name, base)))
      return `Its name ${shown} is outside the subtrees that a CA above it permits.`;
  }
  return null;
}

/** Subject alternative names, the subject itself, and mail addresses in the subject where no mail name stands among the others. */
function constrainedNames(certificate: Certificate): GeneralName[] {
  const names: GeneralName[] = [...(certificate.subjectAltNames ?? [])];
  if (!isEmptyName(certificate.subject)) names.push({ type: 'directory', value: certificate.subject });
  if (!names.some(({ type }) => type === 'mail')) {
    for (const { oid, text } of certificate.subject.relativeNames.flat())
      if (oid === EMAIL_ATTRIBUTE)
        names.push(text === null ? { type: 'malformed', tag: 1 } : { type: 'mail', value: text });
  }
  return names;
}

/** Names and constraints of one kind are compared; a malformed name is still of its kind. */
function kindOf(name: GeneralName): string {
  if (name.type === 'malformed') return { 1: 'mail', 2: 'dns', 6: 'uri' }[name.tag] ?? String(name.tag);
  return name.type === 'other' ? `other ${name.tag}` : name.type;
}

function isSoundBase(base: GeneralName): boolean {
  switch (base.type) {
    case 'dns':
      return base.value === '' || isHostName(base.value.toLowerCase());
    case 'ip':
      return (
        (base.value.length === 8 || base.value.length === 32) &&
        isPrefixMask(base.value.subarray(base.value.length / 2))
      );
    case 'mail': {
      const host = base.value.slice(base.value.lastIndexOf('@') + 1).toLowerCase();
      return base.value.includes('@') ? base.value.indexOf('@') > 0 && isHostName(host) : isHostOrDomain(host);
    }
    case 'uri':
      return isHostOrDomain(base.value.toLowerCase());
    case 'malformed':
      return false;
    default:
      return true;
  }
}

function isHostOrDomain(text: string): boolean {
  return isHostName(text.startsWith('.') ? text.slice(1) : text);
}

/** Ones, then zeros (RFC 4632). */
function isPrefixMask(mask: Uint8Array): boolean {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits);
}

function isSoundName(name: GeneralName): boolean {
  switch (name.type) {
    case 'dns':
      return isHostName(name.value.toLowerCase().replace(/^\*\./, ''));
    case 'ip':
      return name.value.length === 4 || name.value.length === 16;
    case 'mail': {
      const at = name.value.lastIndexOf('@');
      return at > 0 && isHostName(name.value.slice(at + 1).toLowerCase());
    }
    case 'uri':
      return uriHost(name.value) !== null;
    case 'directory':
      return true;
    default:
      return false;
  }
}

/** Whether the whole of `name` lies in the subtree of `base`. */
function lies(name: GeneralName, base: GeneralName): boolean {
  if (name.type === 'dns' && base.type === 'dns') {
    const value = name.value.toLowerCase();
    // A wildcard stands for every label: all of them must lie within.
    return isInDomain(value.startsWith('*.') ? value.slice(2) : value, base.value.toLowerCase());
  }
  if (name.type === 'ip' && base.type === 'ip') return isInNetwork(name.value, base.value);
  if (name.type === 'mail' && base.type === 'mail') return mailLies(name.value, base.value);
  if (name.type === 'uri' && base.type === 'uri') return hostLies(uriHost(name.value) ?? '', base.value.toLowerCase());
  return name.type === 'directory' && base.type === 'directory' && isWithin(name.value, base.value);
}

/** Whether any host that `name` stands for lies in the subtree of `base`. */
function touches(name: GeneralName, base: GeneralName): boolean {
  if (name.type === 'dns' && base.type === 'dns' && name.value.startsWith('*.')) {
    const rest = name.value.slice(2).toLowerCase();
    const excluded = base.value.toLowerCase();
    const parent = excluded.slice(excluded.indexOf('.') + 1);
    return isInDomain(rest, excluded) || (excluded.includes('.') && parent === rest);
  }
  return lies(name, base);
}

function isInDomain(name: string, base: string): boolean {
  return base === '' || name === base || name.endsWith(`.${base}`);
}

function isInNetwork(address: Uint8Array, base: Uint8Array): boolean {
  const size = address.length;
  if (base.length !== size * 2) return false;
  return address.every((byte, i) => ((byte ^ (base[i] ?? 0)) & (base[size + i] ?? 0)) === 0);
}

/** A mailbox, all mailboxes of a host, or with a leading period all below a domain. The local part keeps its case. */
function mailLies(name: string, base: string): boolean {
  const [local, host] = splitMail(name);
  if (!base.includes('@')) return hostLies(host, base.toLowerCase());
  const [baseLocal, baseHost] = splitMail(base);
  return local === baseLocal && host === baseHost;
}

function splitMail(mail: string): [string, string] {
  const at = mail.lastIndexOf('@');
  return [mail.slice(0, at), mail.slice(at + 1).toLowerCase()];
}

function hostLies(host: string, base: string): boolean {
  return base.startsWith('.') ? host.endsWith(base) : host === base;
}

/** The host of a URI where it is a domain name; addresses and URIs without authority cannot be constrained (section 4.2.1.10). */
function uriHost(uri: string): string | null {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1];
  if (authority === undefined) return null;
  const host = authority
    .slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase()
    .replace(/\.$/, '');
  return isHostName(host) && !/^[\d.]+$/.test(host) ? host : null;
}
