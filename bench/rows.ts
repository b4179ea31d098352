/** All rows of the benchmark, in the order in which they run. */
import { bestCaseRows } from './best-case-rows.ts';
import { buildRows } from './build-rows.ts';
import { DiskRows } from './disk-rows.ts';
import { packRow, verityRow } from './image-rows.ts';
import { ROOT_NAMES } from './roots.ts';
import type { Bench, Row } from './row.ts';

export function allRows(bench: Bench): Row[] {
  const disks = ROOT_NAMES.map((root) => ({ root, rows: new DiskRows(bench, root) }));
  const { first, last } = bestCaseRows(bench);
  return [
    ...buildRows(bench),
    ...disks.map(({ rows }) => rows.buildRow()),
    ...first,
    ...disks.flatMap(({ root, rows }) => [
      verityRow(bench, root),
      packRow(bench, root),
      rows.archiveRow(),
      rows.rawRow(),
    ]),
    ...last,
  ];
}
