import { change, type Finding, ok, unknown } from "./finding.js";
import type { Node } from "./node.js";

const APPEND = "Set `appendonly yes`: without it, a restart loses everything written since the last snapshot.";

/** Checks what is left after a restart. */
export function persistence({ info, config }: Node): Finding {
  const isOn = info.get("aof_enabled");
  if (isOn === undefined) return unknown("INFO is refused", "Check that `appendonly yes` is set.");
  if (isOn === "1") return appendOnly(info, config.get("appendfsync"));
  const save = config.get("save");
  if (save === undefined) return change("no append-only file; CONFIG is refused", APPEND);
  return save === ""
    ? change("none: a restart loses everything", APPEND)
    : change(`snapshots only (save ${save})`, APPEND);
}

function appendOnly(info: Node["info"], fsync: string | undefined): Finding {
  if (info.get("aof_last_write_status") !== "ok") {
    return change("the append-only file cannot be written", "Make room on the disk: until then, Redis refuses writes.");
  }
  if (fsync === undefined) {
    return unknown("append-only file; CONFIG is refused", "Check that `appendfsync` is not `no`.");
  }
  return fsync === "no"
    ? change(
        "append-only file, appendfsync no",
        "Set `appendfsync everysec`: with `no`, a crash may lose half a minute.",
      )
    : ok(`append-only file, appendfsync ${fsync}`);
}
