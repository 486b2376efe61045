/**
 * The pipelines that the model store describes, for requests that must not wait for a disk.
 *
 * Owns a copy in memory, replaced as a whole when the files have changed; readers see the old or the new one. An
 * absent store is an empty one. Files at fault are logged when they change, and count as not there.
 */
import { Logger } from '@nestjs/common';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_CATEGORIES, storeLayout } from '@function-runner/model-manifest';
import { readPipelines } from '@function-runner/model-store';
import { ParameterSchema, type PipelineManifest } from '@function-runner/pipeline-schema';

/** How old the copy may be, milliseconds: an author who edits a pipeline file sees it taken within seconds. */
const LOOK_EVERY_MS = 3_000;

interface KnownPipeline {
  manifest: PipelineManifest;
  /** Undefined where the manifest has none. */
  schema: ParameterSchema | undefined;
}

export class PipelineCatalog {
  private readonly logger = new Logger('Pipelines');
  private pipelines: ReadonlyMap<string, KnownPipeline> = new Map();
  private fingerprint: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly root: string) {}

  /** Reads the store and goes on looking for changes until {@link close}. */
  async open(): Promise<void> {
    await this.refresh();
    this.timer = setTimeout(() => void this.open(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  describe(pipelineId: string): PipelineManifest | undefined {
    return this.pipelines.get(pipelineId)?.manifest;
  }

  parameterSchema(pipelineId: string): ParameterSchema | undefined {
    return this.pipelines.get(pipelineId)?.schema;
  }

  /** Reads the store again if a file has come, gone or changed. Never throws: the old copy stays in force. */
  async refresh(): Promise<void> {
    try {
      const fingerprint = await fingerprintOf(this.root);
      if (fingerprint === this.fingerprint) return;
      const { byId, faults } = await readPipelines(this.root);
      this.pipelines = new Map([...byId].map(([id, manifest]) => [id, { manifest, schema: manifest.parameters === undefined ? undefined : new ParameterSchema(manifest.parameters) }]));
      this.fingerprint = fingerprint;
      for (const fault of faults) this.logger.error(fault);
      this.logger.log(`${byId.size} pipelines described in ${this.root}`);
    } catch (error) {
      this.logger.error(`the pipelines in ${this.root} cannot be read: ${(error as Error).message}; the last ones read stay in force`);
    }
  }
}

/** Names, sizes and times of all pipeline files: equal as long as nothing has changed. */
async function fingerprintOf(root: string): Promise<string> {
  const parts: string[] = [];
  for (const category of MODEL_CATEGORIES) {
    const folder = join(root, storeLayout.pipelines(category));
    for (const name of await namesIn(folder)) {
      const { mtimeMs, size } = await stat(join(folder, name));
      parts.push(`${category}/${name} ${mtimeMs} ${size}`);
    }
  }
  return parts.join('\n');
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
