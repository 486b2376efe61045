import { Type } from 'class-transformer';
import {
  ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsNumber, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateNested,
} from 'class-validator';
import { MODEL_CATEGORIES, type ModelCategory } from './model-category.js';

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

/** What a machine needs to hold and run the model. */
export class ModelRequirements {
  /** GPU memory, GiB; 0 for models that run on a CPU. */
  @IsNumber() @Min(0) @Max(4096)
  vram!: number;

  /** Space in the store, GiB. */
  @IsNumber() @Min(0)
  disk_space!: number;
}

/** `model.json`: identity, requirements and files of one version of a model. */
export class ModelManifest {
  @Matches(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, { message: 'must be a model id: letters, digits, ".", "_" and "-"' })
  id!: string;

  @IsString() @MinLength(1) @MaxLength(128)
  name!: string;

  @Matches(/^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z-]{1,32}(\.[0-9A-Za-z-]{1,32}){0,7})?$/, { message: 'must be a semantic version such as 1.0.0' })
  version!: string;

  @IsIn(MODEL_CATEGORIES)
  type!: ModelCategory;

  /** SPDX identifier or name of the licence. */
  @IsOptional() @IsString() @MaxLength(128)
  license?: string;

  @ValidateNested() @Type(() => ModelRequirements) @IsObject()
  requirements!: ModelRequirements;

  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(4096) @ValidateNested({ each: true }) @Type(() => ModelFile)
  files!: ModelFile[];
}
