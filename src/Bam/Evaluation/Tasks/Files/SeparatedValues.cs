using System.Text;

namespace Bam.Evaluation.Tasks.Files;

/// <summary>Reads CSV and TSV: quoted values may hold separators, line breaks and doubled quotes (RFC 4180).</summary>
internal static class SeparatedValues
{
    /// <summary>The records with the line on which each begins, from 1. Blank lines are skipped.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="separator">A comma or a tab.</param>
    /// <param name="file">The file, for messages.</param>
    /// <exception cref="InvalidInputException">A quote is not closed.</exception>
    public static IEnumerable<(int Line, List<string> Values)> Read(string text, char separator, string file)
    {
        var (line, at) = (1, 0);
        while (at < text.Length)
        {
            var (begin, values, isQuoted) = (line, new List<string>(), false);
            do values.Add(Value(text, separator, file, ref at, ref line, ref isQuoted));
            while (at < text.Length && text[at++] == separator && (at < text.Length || AddEmpty(values)));
            if (text[at - 1] == '\r' && at < text.Length && text[at] == '\n') at++;
            line++;
            if (values.Count > 1 || values[0].Length > 0 || isQuoted) yield return (begin, values);
        }
    }

    // A separator at the end of the file is followed by an empty value.
    private static bool AddEmpty(List<string> values)
    {
        values.Add("");
        return false;
    }

    // Reads up to the separator or line break after the value.
    private static string Value(string text, char separator, string file, ref int at, ref int line, ref bool isQuoted)
    {
        var value = new StringBuilder();
        if (text[at] == '"')
        {
            isQuoted = true;
            var begin = line;
            for (at++; ; at++)
            {
                if (at == text.Length)
                    throw new InvalidInputException($"{file}:{begin}", "a closing quote", "none", "correct the line");
                if (text[at] == '"' && (++at == text.Length || text[at] != '"')) break;
                if (text[at] == '\n') line++;
                value.Append(text[at]);
            }
        }

        for (; at < text.Length && text[at] != separator && text[at] is not ('\n' or '\r'); at++) value.Append(text[at]);
        return value.ToString();
    }
}
