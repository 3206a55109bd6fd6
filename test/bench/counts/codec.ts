import { readFrom } from "../build.js";

type Encode = typeof import("../../../src/codec/encode.js");
type Decode = typeof import("../../../src/codec/decode.js");

// Not exported by the package: from the same build as what is.
export const { encodeMessage } = (await import(`../../../${readFrom}/codec/encode.js`)) as Encode;
export const { decodeMessage } = (await import(`../../../${readFrom}/codec/decode.js`)) as Decode;
