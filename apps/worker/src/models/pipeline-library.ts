/**
 * What the model store says of pipelines and models, for the runs of this process.
 *
 * Owns a copy of the store's pipeline files, looked at again at most every {@link FRESH_MS} and read again where one has
 * changed: a run mostly reads none of them, and a new or mended file is in force a few seconds later. Compiled parameter
 * schemas live as long as it.
 */
import { Inject, Injectable } from '@nestjs/common';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_CATEGORIES, storeLayout } from '@function-runner/model-manifest';
import { readPipelines, type InstalledModel, type StoredPipelines } from '@function-runner/model-store';
import type { PipelineManifest } from '@function-runner/pipeline-schema';
import type { JobPayload } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { fileMarks } from './file-marks.js';
import { KnownModels } from './known-models.js';
import { runnablePipeline, undescribedPipeline, type RunnablePipeline } from './runnable-pipeline.js';

const FRESH_MS = 5000;

@Injectable()
export class PipelineLibrary {
  private stored: Promise<StoredPipelines> | undefined;
  private readAt = Number.NEGATIVE_INFINITY;
  private readMarks = '';
  private reported = '';
  private readonly models: KnownModels;
  private readonly runnable = new Map<string, { manifest: PipelineManifest; runnable: RunnablePipeline }>();

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.models = new KnownModels(config.modelsRoot);
  }

  /** How the task's pipeline is run. */
  async pipelineFor(payload: JobPayload): Promise<RunnablePipeline> {
    return (await this.pipeline(payload.pipeline_id))?.runnable ?? undescribedPipeline(payload, this.config.defaultMemory);
  }

  /** A pipeline of the store: its file, and how it is run; undefined where the store has none of this id. */
  async pipeline(id: string): Promise<{ manifest: PipelineManifest; runnable: RunnablePipeline } | undefined> {
    const manifest = (await this.pipelines()).byId.get(id);
    if (manifest === undefined) return undefined;
    const known = this.runnable.get(id);
    if (known?.manifest === manifest) return known;
    const found = { manifest, runnable: runnablePipeline(manifest) };
    this.runnable.set(id, found);
    return found;
  }

  /**
   * The version in use of a model, its files present and of the right size; their sha256 was compared at installation.
   * @throws TaskError MODEL_NOT_FOUND | MODEL_CORRUPT
   */
  modelFor(modelId: string): Promise<InstalledModel> {
    return this.models.find(modelId);
  }

  /** Every pipeline of the store. */
  pipelines(): Promise<StoredPipelines> {
    if (this.stored === undefined || performance.now() - this.readAt > FRESH_MS) {
      this.readAt = performance.now();
      const reading = this.lookAgain(this.stored);
      this.stored = reading;
      // A store that cannot be read now is asked again by the next task.
      reading.catch(() => (this.stored = undefined));
    }
    return this.stored;
  }

  /** @throws when the store's root is no folder that can be read. */
  async check(): Promise<string> {
    if (!(await stat(this.config.modelsRoot)).isDirectory()) throw new Error(`${this.config.modelsRoot} is no folder`);
    const { byId, faults } = await readPipelines(this.config.modelsRoot);
    return `${byId.size} pipelines${faults.length > 0 ? `, ${faults.length} wrong files` : ''}`;
  }

  private async lookAgain(before: Promise<StoredPipelines> | undefined): Promise<StoredPipelines> {
    // Before they are read: what changes meanwhile shows the next time.
    const marks = await this.marks();
    if (before !== undefined && marks === this.readMarks) return before;
    const stored = await this.read();
    this.readMarks = marks;
    return stored;
  }

  /** Of every file that may be a pipeline's. */
  private async marks(): Promise<string> {
    const folders = MODEL_CATEGORIES.map((category) => join(this.config.modelsRoot, storeLayout.pipelines(category)));
    const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
    const files = folders.flatMap((folder, index) => (names[index] ?? []).sort().map((name) => join(folder, name)));
    return `${files.join()} ${await fileMarks(files)}`;
  }

  private async read(): Promise<StoredPipelines> {
    const stored = await readPipelines(this.config.modelsRoot);
    const report = stored.faults.join('\n');
    if (report !== this.reported) {
      this.reported = report;
      for (const fault of stored.faults) this.logger.error(fault);
    }
    return stored;
  }
}
