using System.CommandLine;
using System.CommandLine.Parsing;
using Bam.Configuration;

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

    private static string Nearest(string word, Command command) => Suggestion.For(
        word,
        word.StartsWith('-')
            ? [.. command.Options.Where(option => !option.Hidden).Select(option => option.Name).Append("--json").Distinct()]
            : [.. command.Subcommands.Select(verb => verb.Name)]);
}
