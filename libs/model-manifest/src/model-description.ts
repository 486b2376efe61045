import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsIn, IsNumber, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateNested } from 'class-validator';
import { MODEL_CATEGORIES, type ModelCategory } from './model-category.js';

/** What a machine needs to hold and run the model. */
export class ModelRequirements {
  /** GPU memory, GiB; 0 for models that run on a CPU. */
  @IsNumber() @Min(0) @Max(4096)
  vram!: number;

  /** Space in the store, GiB. */
  @IsNumber() @Min(0)
  disk_space!: number;
}

/** Identity and requirements of one version of a model: a `model.json` without its files. */
export class ModelDescription {
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
}
