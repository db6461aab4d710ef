import { z } from 'zod';

/** Texts separated by commas. */
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

export const number = (fallback: number) => z.coerce.number().nonnegative().default(fallback);

export const optional = z.string().min(1).optional();
