import type { ModelCategory } from '@function-runner/model-manifest';

/** The README at the store's root. */
export function rootReadme(): string {
  return `# Model store

Weights and pipelines of the function runner, by what they make: \`image\`, \`video\`, \`audio\`, \`language\`.

| place | what lies there |
|---|---|
| \`<category>/models/<id>/<version>/\` | one version of a model: \`model.json\` and the files it names, each with size and sha256 |
| \`<category>/models/<id>/current.json\` | which version is in use; older ones stay until removed |
| \`<category>/pipelines/*.json\` | how each pipeline is run: image, resources, parameters |
| \`<category>/configs/\` | further read-only files that a pipeline mounts |

\`npx runner models list\` shows what is installed, \`npx runner models verify\` reads every file and compares its sha256.
Containers see a model's folder read-only; nothing but the installer writes here.
`;
}

/** The README of one category. */
export function categoryReadme(category: ModelCategory): string {
  const what = { image: 'pictures', video: 'moving pictures', audio: 'sound', language: 'text' }[category];
  return `# ${category}

Models and pipelines that make ${what}: \`models/\` holds the weights by id and version, \`pipelines/\` a pipeline.json for
each pipeline, \`configs/\` whatever else a pipeline mounts read-only. The README one folder up explains each.
`;
}
