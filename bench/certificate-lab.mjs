/** A thread with the servers that are judged: in the process that measures they would share its event loop. */

import { parentPort, workerData } from 'node:worker_threads';

import { crlOf, issue, ocspAnswer, startHttp, startTls } from '../examples/lab.mjs';

const answers = new Map();
const http = await startHttp(answers);
const root = issue({ subject: 'Bench Root' });
const intermediate = issue({ subject: 'Bench Intermediate', issuer: root, crlUrl: `${http.url}/root.crl` });
answers.set('/root.crl', crlOf(root));

const hosts = [];
for (let host = 0; host < workerData.hosts; host++) {
  const leaf = issue({
    subject: `Bench ${host}`,
    issuer: intermediate,
    names: ['127.0.0.1'],
    ocspUrl: `${http.url}/ocsp/${host}`,
  });
  answers.set(`/ocsp/${host}`, ocspAnswer(leaf, intermediate));
  const { address } = await startTls([leaf, intermediate]);
  hosts.push({ address, leaf: leaf.pem, ocspUrl: `${http.url}/ocsp/${host}` });
}
parentPort.postMessage({ root: root.pem, intermediate: intermediate.pem, hosts });
