// Python's strftime in the C locale.
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS = [
  "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const two = (number) => String(number).padStart(2, "0");

/** The time of [year, month, day, hour, minute, second, microsecond, weekday from Monday = 0, day of the year]. */
export function strftime(format, [year, month, day, hour, minute, second, microsecond, weekday, yearDay]) {
  const fields = {
    a: DAYS[weekday].slice(0, 3), A: DAYS[weekday], b: MONTHS[month - 1].slice(0, 3), B: MONTHS[month - 1],
    d: two(day), e: String(day).padStart(2), f: String(microsecond).padStart(6, "0"),
    H: two(hour), I: two(hour % 12 || 12), j: String(yearDay).padStart(3, "0"), m: two(month), M: two(minute),
    p: hour < 12 ? "AM" : "PM", S: two(second), u: String(weekday + 1), w: String((weekday + 1) % 7),
    U: two(Math.floor((yearDay + 6 - (weekday + 1) % 7) / 7)), W: two(Math.floor((yearDay + 6 - weekday) / 7)),
    y: two(year % 100), Y: String(year), z: "", Z: "", n: "\n", t: "\t", "%": "%",
  };
  const compound = {
    c: "%a %b %e %H:%M:%S %Y", D: "%m/%d/%y", F: "%Y-%m-%d", R: "%H:%M", T: "%H:%M:%S", x: "%m/%d/%y", X: "%H:%M:%S", h: "%b",
  };
  const expand = (text) => text.replace(/%(-?)([^])/g, (all, sign, letter) => {
    if (Object.hasOwn(compound, letter)) return expand(compound[letter]);
    if (!Object.hasOwn(fields, letter)) return all;
    return sign === "" ? fields[letter] : fields[letter].replace(/^[0 ]+(?=.)/, "");
  });
  return expand(format);
}
