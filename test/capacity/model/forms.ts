import type { FormSizes } from "../measure/forms.js";
import type { KindSize } from "../measure/sizes.js";
import type { Measured } from "./capacity.js";
import type { Linear, MemoryParameters } from "./parameters.js";
import { kinds } from "../workload/population.js";

/** The model's parameters for another form: each kind of key by as much as the same keys were larger or smaller in it. */
export function inForm(measured: Measured, plain: FormSizes, form: FormSizes): Measured {
  const { memory } = measured.parameters;
  const scaled = Object.fromEntries(
    kinds.map((kind) => [kind, scaledBy(memory.kinds[kind], ratioOf(kind, plain, form))]),
  ) as MemoryParameters["kinds"];
  // A user has one data key, and one index of conversations. The model counts the key as a part of the index.
  const index = scaled["conversations of a user"];
  const dataKey = form.dataKeyBytes === 0 ? 0 : form.dataKeyBytes + memory.untoldPerKey;
  return {
    ...measured,
    parameters: {
      ...measured.parameters,
      memory: {
        ...memory,
        kinds: { ...scaled, "conversations of a user": { ...index, base: index.base + dataKey } },
        operation: memory.operation * ratioOf("operation", plain, form),
      },
    },
  };
}

function ratioOf(kind: KindSize["kind"], plain: FormSizes, form: FormSizes): number {
  const mean = ({ sizes }: FormSizes): number | undefined => sizes.find((one) => one.kind === kind)?.meanBytes;
  // A small run may have nobody of whom something is remembered.
  return (mean(form) ?? 1) / (mean(plain) ?? 1);
}

function scaledBy({ base, perItem, perByte }: Linear, ratio: number): Linear {
  return { base: base * ratio, perItem: perItem * ratio, perByte: perByte * ratio };
}
