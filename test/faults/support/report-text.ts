export interface Section {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}
export const opening = "# Reliability";
export const closing = "";
export const sections: readonly Section[] = [{ id: "lost-replies", title: "Replies lost", text: "" }];
