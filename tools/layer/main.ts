import { parseArgs } from 'node:util';
import { writeLayerFile } from '../lib/image/layer/file.ts';
import { readJson, required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { layerItems } from './items.ts';
import { MANIFEST } from './manifest.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({ args: [...args], options: { manifest: TEXT, output: TEXT } });
  const manifest = required(values.manifest, 'manifest');
  const items = layerItems(readJson(manifest, MANIFEST).entries, manifest);
  await writeLayerFile(output(required(values.output, 'output')), items);
});
