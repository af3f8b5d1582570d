export { kustomizeFiles } from './kustomize.ts';
export { type KubeObject, names, ports } from './objects.ts';
export type { Credentials, DeployOptions } from './options.ts';
export { defaultOptions, gpuWorkerMemory } from './options.ts';
export { paths } from './recipe.ts';
export { type FileName, fileNames, type ManifestFile, render, renderLoader, yamlOf } from './render.ts';
