/** Saves all of the user's data as a file. By fetch and not by a link, so that a refusal is told in words. */
export async function saveExport(api) {
  const response = await api.open("GET", "/me/export");
  const [, name = "my-data.ndjson"] =
    /filename="([^"]+)"/u.exec(response.headers.get("Content-Disposition") ?? "") ?? [];
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
