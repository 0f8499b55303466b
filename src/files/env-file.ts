/**
 * One variable of a .env file, in a spelling that the usual readers (a shell's `source`, dotenv, compose) read as the same text. What
 * else the file holds stays as it is, byte for byte.
 */

import { inputInvalid, SecurityError } from '../crypto/errors.js';

/** Variables that steer other programs: what is written there is run, loaded or believed. */
const STEERING =
  /^(?:PATH|CDPATH|IFS|ENV|BASH_ENV|SHELL|SHELLOPTS|BASHOPTS|PS[0-4]|PROMPT_COMMAND|HOME|USER|LOGNAME|TMPDIR|EDITOR|VISUAL|PAGER|BROWSER|MANPAGER|LESSOPEN|LESSCLOSE|TERM|TERMINFO|HOSTALIASES|RES_OPTIONS|LOCPATH|NLSPATH|GCONV_PATH|MALLOC_\w*|GLIBC_TUNABLES|CLASSPATH|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|LD_\w*|DYLD_\w*|NODE_\w*|NPM_\w*|npm_\w*|PYTHON\w*|PERL\w*|RUBY\w*|GEM_\w*|BUNDLE_\w*|PHP\w*|GIT_\w*|SSH_\w*|GCC_\w*|CC|CXX|CFLAGS|LDFLAGS|MAKEFLAGS|CURL_HOME|WGETRC|OPENSSL_CONF|OPENSSL_MODULES|SSL_CERT_\w*|REQUESTS_CA_BUNDLE|\w*_PROXY|\w*_proxy|DOCKER_\w*|COMPOSE_\w*|KUBECONFIG|AWS_CONFIG_FILE|XDG_\w*|SECURITY_MCP_\w*|JWT_SECRET_KEY\w*)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Throws `input_invalid` for what is no name of a variable, and `policy_refused` for one that steers other programs. */
export function requireVariable(name: string): void {
  if (!NAME.test(name))
    throw inputInvalid('variable', 'is no name of a variable', 'Give letters, digits and _, no digit first.');
  if (STEERING.test(name))
    throw new SecurityError('policy_refused', 'variable is one that steers other programs.', {
      hint: 'Give a name of your application, such as DB_PASSWORD.',
    });
}

/** The text with the variable set, or null where it is set already and `overwrite` is false. Throws `input_invalid`. */
export function withVariable(text: string, name: string, value: string, overwrite: boolean): string | null {
  const line = `${name}=${quoted(value)}`;
  const lines = text.split('\n');
  const places = placesOf(lines, name);
  const [first, ...rest] = places;
  if (first !== undefined) {
    if (!overwrite) return null;
    const drop = new Set(rest.flatMap(({ from, to }) => range(from, to)));
    const start = /^\s*export\s/.test(lines[first.from] ?? '') ? 'export ' : '';
    const end = lines[first.from]?.endsWith('\r') === true && first.from === first.to ? '\r' : '';
    const kept = lines.map((old, i) => (i === first.from ? `${start}${line}${end}` : old));
    return kept.filter((_, i) => !drop.has(i) && !(i > first.from && i <= first.to)).join('\n');
  }
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${gap}${line}\n`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Which lines set the variable. A value in quotes may go over several. */
function placesOf(lines: readonly string[], name: string): { from: number; to: number }[] {
  const places: { from: number; to: number }[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [, found, rest = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/s.exec(lines[i] ?? '') ?? [];
    if (found === undefined) continue;
    const from = i;
    const [quote = ''] = rest;
    if (`"'\``.includes(quote) && quote !== '') {
      let open = !isClosed(rest.slice(1), quote);
      while (open && i + 1 < lines.length) open = !isClosed(lines[++i] ?? '', quote);
      // A quote that is never closed is text of one line.
      if (open) i = from;
    }
    if (found === name) places.push({ from, to: i });
  }
  return places;
}

function isClosed(text: string, quote: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++;
    else if (text[i] === quote) return true;
  }
  return false;
}

/** As it is where no reader sees more in it; else in quotes that none looks into. */
function quoted(value: string): string {
  if (/\p{Cc}/u.test(value) || value === '')
    throw cannot(
      'holds a line end or another control character, or is empty',
      'Deliver it to a file of its own: to file.',
    );
  if (/^[A-Za-z0-9_./:@%+=,^-]+$/.test(value)) return value;
  if (!value.includes("'") && !value.endsWith('\\')) return `'${value}'`;
  if (!/["$`\\!]/.test(value)) return `"${value}"`;
  throw cannot(
    'cannot be written so that every reader of .env files reads it',
    'Deliver it to a file of its own: to file.',
  );
}

function cannot(problem: string, hint: string): SecurityError {
  return inputInvalid('The secret', problem, hint);
}
