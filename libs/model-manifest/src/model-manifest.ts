import 'reflect-metadata';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsInt, Matches, Min, ValidateNested } from 'class-validator';
import { ModelDescription } from './model-description.js';

/** One file of a model, by which it is verified. */
export class ModelFile {
  /** A plain file name: models have no folders inside. */
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { message: 'must be a plain file name' })
  name!: string;

  /** Bytes. */
  @IsInt() @Min(0)
  size!: number;

  @Matches(/^sha256:[a-f0-9]{64}$/, { message: 'must be sha256: and 64 hexadecimal digits' })
  hash!: string;
}

/** `model.json`: identity, requirements and files of one version of a model. */
export class ModelManifest extends ModelDescription {
  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(4096) @ValidateNested({ each: true }) @Type(() => ModelFile)
  files!: ModelFile[];
}
