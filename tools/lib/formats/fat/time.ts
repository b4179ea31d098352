/** "Date and Time Formats": local time without a zone, here UTC. The resolution is two seconds. */

export interface FatTime {
  readonly date: number;
  readonly time: number;
}

const FIRST_YEAR = 1980;
const LAST_YEAR = 2107;

/**
 * Returns the time stamp for seconds since 1970. Times before 1980 become the first moment of 1980,
 * and times after 2107 the last moment of 2107.
 */
export function fatTime(timeSeconds: number): FatTime {
  const moment = new Date(timeSeconds * 1000);
  const year = moment.getUTCFullYear();
  if (!(year >= FIRST_YEAR)) return { date: (1 << 5) | 1, time: 0 };
  if (year > LAST_YEAR) return { date: (127 << 9) | (12 << 5) | 31, time: (23 << 11) | (59 << 5) | 29 };
  return {
    date: ((year - FIRST_YEAR) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate(),
    time:
      (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | Math.floor(moment.getUTCSeconds() / 2),
  };
}

/**
 * Returns the seconds since 1970 of a time stamp. As in the kernel, day 0 and month 0, which some
 * writers leave, mean the first day and month.
 */
export function secondsOf({ date, time }: FatTime): number {
  const month = Math.max(1, (date >> 5) & 0x0f);
  const day = Math.max(1, date & 0x1f);
  const dayMilliseconds = Date.UTC(FIRST_YEAR + (date >> 9), month - 1, day);
  return dayMilliseconds / 1000 + (time >> 11) * 3600 + ((time >> 5) & 0x3f) * 60 + (time & 0x1f) * 2;
}
