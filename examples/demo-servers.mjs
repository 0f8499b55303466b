/** The TLS servers that the demonstration checks, and what Node says of them by itself. */

import { connect } from 'node:tls';

import { crlOf, issue, ocspAnswer, startHttp, startTls } from './lab.mjs';

/** Four TLS servers and what their certificates point to: one good, one expired, one for another name, one revoked. */
export async function startServers() {
  const answers = new Map();
  const http = await startHttp(answers);
  const root = issue({ subject: 'Demo Root' });
  const intermediate = issue({ subject: 'Demo Intermediate', issuer: root, crlUrl: `${http.url}/root.crl` });
  answers.set('/root.crl', crlOf(root));
  const serve = async (name, { revoked = false, ...options } = {}) => {
    const leaf = issue({
      subject: `${name}.demo.test`,
      issuer: intermediate,
      names: ['127.0.0.1', `${name}.demo.test`],
      ocspUrl: `${http.url}/${name}`,
      ...options,
    });
    answers.set(`/${name}`, ocspAnswer(leaf, intermediate, { revoked }));
    return { leaf, server: await startTls([leaf, intermediate]) };
  };
  const shown = [
    await serve('good'),
    await serve('expired', { from: -100, until: -10 }),
    await serve('other', { names: ['other.demo.test'] }),
    await serve('revoked', { revoked: true }),
  ];
  return {
    root,
    intermediate,
    targets: shown.map(({ server }) => server.address),
    good: shown[0].leaf,
    revoked: shown[3].leaf,
    close: () => Promise.all([http, ...shown.map(({ server }) => server)].map((server) => server.close())),
  };
}

/** What Node's `tls` says of a server by itself: `accepted`, or the code of its refusal. */
export function askNode(target, ca) {
  const [host, port] = target.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), ca });
    const end = (verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once('secureConnect', () => end('accepted'));
    socket.once('error', ({ code }) => end(code));
  });
}
