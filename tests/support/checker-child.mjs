// Checks servers in a process of its own, and says by how much its resident memory grew at most: first one of them, so that
// everything is loaded, then all at once. Argument: JSON {targets, first, trust (DER, base64), serverName}.
import { parseCertificate } from '../../build/crypto/certificate/parse.js';
import { createCertificateChecker } from '../../build/network/checker.js';

const { targets, first, trust, serverName } = JSON.parse(process.argv[2]);
const checker = createCertificateChecker({
  policy: { mode: 'any', allowHosts: [], ports: [] },
  extraAnchors: [],
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  now: () => new Date(),
});
const check = (some) =>
  checker.check(
    {
      targets: some,
      revocation: 'hard',
      pins: [],
      timeoutSeconds: 60,
      fetchMissing: false,
      serverName,
      trust: [parseCertificate(Buffer.from(trust, 'base64'))],
    },
    new AbortController().signal,
    () => undefined,
  );
const peak = () => process.resourceUsage().maxRSS * 1024;

for (let round = 0; round < 5; round += 1) await check([first]);
const before = peak();
const results = await check(targets);
const summaries = results.map(({ judgement }) => `${judgement.verdict}: ${judgement.summary}`);
process.stdout.write(JSON.stringify({ bytes: peak() - before, summaries }));
