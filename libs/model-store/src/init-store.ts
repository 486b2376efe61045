import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MODEL_CATEGORIES, storeLayout } from '@function-runner/model-manifest';
import { categoryReadme, rootReadme } from './store-readmes.js';

/** Creates the folders of the model store and a README in each place where a person looks first; what is there stays. */
export async function initStore(root: string): Promise<{ created: string[] }> {
  const created: string[] = [];
  for (const category of MODEL_CATEGORIES) {
    for (const folder of [storeLayout.models(category), storeLayout.pipelines(category), storeLayout.configs(category)]) {
      const first = await mkdir(join(root, folder), { recursive: true });
      if (first !== undefined) created.push(folder);
    }
  }
  const readmes: [string, string][] = [['README.md', rootReadme()], ...MODEL_CATEGORIES.map((c): [string, string] => [join(c, 'README.md'), categoryReadme(c)])];
  for (const [file, text] of readmes) if (await writeNew(join(root, file), text)) created.push(file);
  return { created };
}

async function writeNew(file: string, text: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
