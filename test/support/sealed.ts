/** Whether these tests run where what is left to the defaults is sealed and compressed: test/sealed. */
export const isSealed: boolean = process.env["SEALED"] === "1";
