// @ts-check
// `npm run schemas`: writes the JSON Schemas of the files that people write, from the classes that validate them, and the
// example of the pipelines file. Needs a build. A spec fails where what is committed differs from what would be written.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));

/** @returns {Promise<Record<string, unknown>>} what each file holds */
async function contents() {
  try {
    const { modelJsonSchema } = await import('@function-runner/model-manifest/json-schema');
    const { DEFAULT_TIERS } = await import('@function-runner/pipeline-schema');
    const { pipelineJsonSchema, pipelinesConfigJsonSchema } = await import('@function-runner/pipeline-schema/json-schema');
    return {
      'schemas/model.schema.json': modelJsonSchema(),
      'schemas/pipeline.schema.json': pipelineJsonSchema(),
      'schemas/pipelines-config.schema.json': pipelinesConfigJsonSchema(),
      'config/pipelines.example.json': { $schema: '../schemas/pipelines-config.schema.json', tiers: DEFAULT_TIERS },
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') throw new Error('the libs are not built; run "npm run build" first', { cause: error });
    throw error;
  }
}

try {
  for (const [file, content] of Object.entries(await contents())) {
    mkdirSync(dirname(resolve(root, file)), { recursive: true });
    writeFileSync(resolve(root, file), `${JSON.stringify(content, null, 2)}\n`);
    process.stdout.write(`${file}\n`);
  }
} catch (error) {
  process.stderr.write(`schemas: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
