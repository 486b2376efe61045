import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsObject, Matches, ValidateNested } from 'class-validator';
import { ModelDescription } from '@function-runner/model-manifest';

/** Where a reference model's weights come from. */
export class ModelSource {
  /** An npm package that the pipeline's own package.json names. */
  @Matches(/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/, { message: 'must be the name of an npm package' })
  package!: string;

  /** Its exact version: the weights are pinned. */
  @Matches(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, { message: 'must be an exact version such as 1.0.0' })
  version!: string;

  /** The folder of the package that holds the model's files. */
  @Matches(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$/, { message: 'must be a folder inside the package' })
  folder!: string;
}

/** An entry of `pipelines/<name>/store/models.json`: a model that the checkout can install by itself. */
export class ReferenceModel extends ModelDescription {
  @ValidateNested() @Type(() => ModelSource) @IsObject()
  source!: ModelSource;

  /** New names of files, by the names they have in the package; a file that is not named here keeps its name. */
  @IsObject()
  files!: Record<string, string>;
}
