/** What the samples of one measurement have in common. */
export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** The median (of an even number of samples: the mean of the two in the middle), and how far samples lie apart. */
export function spread(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError('there is no sample');
  const sorted = samples.toSorted((left, right) => left - right);
  const at = (index: number) => sorted[index] as number;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    minimum: at(0),
    maximum: at(sorted.length - 1),
  };
}
