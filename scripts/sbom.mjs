/** Prints the bill of materials of the program that is shipped (CycloneDX): what is bundled in dist/, and what is installed beside it. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

function bill(...options) {
  const text = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', ...options], {
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
    shell: process.platform === 'win32',
  });
  return JSON.parse(text);
}

const bundled = [...readFileSync('dist/LICENCES.md', 'utf8').matchAll(/^## (\S+) (\S+) \(/gm)];
const installed = bill('--omit', 'dev').components.map((component) => component['bom-ref']);
const shipped = new Set([...bundled.map(([, name, version]) => `${name}@${version}`), ...installed]);

const all = bill();
const root = all.metadata.component['bom-ref'];
const references = new Set([root]);
const components = all.components.filter(({ name, version, 'bom-ref': reference }) => {
  const isShipped = shipped.has(`${name}@${version}`) || shipped.has(reference);
  if (isShipped) references.add(reference);
  return isShipped;
});
for (const component of components)
  component.properties = component.properties.filter(({ name }) => name !== 'cdx:npm:package:development');
const dependencies = all.dependencies
  .filter(({ ref }) => references.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => references.has(other)) }));
process.stdout.write(`${JSON.stringify({ ...all, components, dependencies }, null, 2)}\n`);
