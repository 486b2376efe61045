/**
 * The versions in use of models, as they were found and checked before: a task need not read and check a model again
 * whose files are the very ones.
 *
 * Owns what was found, by model id. Must stay true: what is answered is what a search would find and a check would pass
 * at that moment, as far as the files' marks (inode, size and times) tell.
 */
import { join } from 'node:path';
import { MODEL_CATEGORIES, storeLayout } from '@function-runner/model-manifest';
import { findModel, verifyModel, type InstalledModel } from '@function-runner/model-store';
import { TaskError } from '@function-runner/task-contract';
import { fileMarks } from './file-marks.js';

export class KnownModels {
  private readonly known = new Map<string, { model: InstalledModel; marks: string }>();

  constructor(private readonly root: string) {}

  /**
   * The version in use of a model, its files present and of the right size; their sha256 was compared at installation.
   * @throws TaskError MODEL_NOT_FOUND | MODEL_CORRUPT
   */
  async find(id: string): Promise<InstalledModel> {
    const known = this.known.get(id);
    if (known !== undefined && (await this.marksOf(known.model)) === known.marks) return known.model;
    this.known.delete(id);
    const found = await findModel(this.root, id);
    // Looked at before it is read for good: what changes later shows.
    const marks = await this.marksOf(found);
    const model = await findModel(this.root, id);
    const faults = await verifyModel(model, false);
    if (faults.length > 0) throw new TaskError('MODEL_CORRUPT', `the model ${id} is damaged: ${faults.join('; ')}; remove its folder and install it again`);
    if (model.folder === found.folder) this.known.set(id, { model, marks });
    return model;
  }

  /** Of every file that decides what is found: those that name the version in use, the manifest, and what it lists. */
  private marksOf({ folder, manifest }: InstalledModel): Promise<string> {
    const inUse = MODEL_CATEGORIES.map((category) => join(this.root, storeLayout.current(category, manifest.id)));
    const files = [...inUse, join(folder, 'model.json'), ...manifest.files.map(({ name }) => join(folder, name))];
    return fileMarks(files);
  }
}
