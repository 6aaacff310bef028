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
        return $"{Describe(request.Errors[0])}; {tryHelp}";
    }

    // The library's words for a value of another type name the type of .NET.
    private static string Describe(ParseError error)
    {
        if (error.SymbolResult is not OptionResult { Option: var option, Tokens: var values } || !error.Message.Contains(nameof(System), StringComparison.Ordinal))
            return error.Message.TrimEnd('.');
        var type = option.ValueType.GetElementType() ?? Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        var expected = type == typeof(double) ? "a number" : type == typeof(bool) ? "true or false" : "an integer";
        return $"{option.Name}: expected {expected}, found {string.Join(", ", values.Select(value => $"'{value.Value}'"))}";
    }

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "bam";

    private static string Nearest(string word, Command command) => Suggestion.For(
        word,
        word.StartsWith('-')
            ? [.. command.Options.Where(option => !option.Hidden).Select(option => option.Name).Append("--json").Distinct()]
            : [.. command.Subcommands.Select(verb => verb.Name)]);
}
