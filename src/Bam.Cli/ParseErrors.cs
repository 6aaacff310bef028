using System.CommandLine;
using System.CommandLine.Parsing;

namespace Bam.Cli;

/// <summary>What is wrong with a command line, in one line that names the word and the way to the help.</summary>
internal static class ParseErrors
{
    public static string Describe(ParseResult request)
    {
        var command = request.CommandResult.Command;
        var tryHelp = $"try: {PathOf(request.CommandResult)} --help";
        if (request.UnmatchedTokens is [var unknown, ..])
            return $"unknown {(unknown.StartsWith('-') ? "option" : "argument")} '{unknown}'{Nearest(unknown, command)}; {tryHelp}";
        if (command is not Verb)
            return $"which one: {string.Join(", ", command.Subcommands.Select(c => c.Name))}?; {tryHelp}";
        return $"{request.Errors[0].Message.TrimEnd('.')}; {tryHelp}";
    }

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "bam";

    private static string Nearest(string word, Command command)
    {
        var known = command.Subcommands.Select(c => c.Name).Concat(command.Options.Select(o => o.Name)).Append("--json");
        var (nearest, distance) = known.Select(name => (name, Distance(word, name))).MinBy(pair => pair.Item2);
        return distance <= Math.Max(1, word.Length / 3) ? $" (did you mean '{nearest}'?)" : "";
    }

    /// <summary>Levenshtein's: how many letters to insert, delete or replace.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
