using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Bam.Configuration;

namespace Bam.Cli;

/// <summary>Errors of a command line, as one line that names the word and the command for help.</summary>
internal static class ParseErrors
{
    /// <summary>The error line, or null if the command line is valid.</summary>
    public static string? Find(ParseResult request)
    {
        if (request.Errors.Count == 0 && request.Action is not null) return null; // help, or the version
        if (request.UnmatchedTokens.Count == 0 && OptionTakenForArgument(request) is { } word)
            return $"{Unknown(word, request)}, or ./{word} if it is a file";
        return request.Errors.Count > 0 ? Describe(request) : null;
    }

    private static string Describe(ParseResult request)
    {
        var command = request.CommandResult.Command;
        var tryHelp = TryHelp(request);
        if (request.UnmatchedTokens is [var unknown, ..])
            return Unknown(unknown, request);
        if (command is not Verb)
            return $"which one: {string.Join(", ", command.Subcommands.Select(c => c.Name))}?; {tryHelp}";
        return $"{Describe(request.Errors[0])}; {tryHelp}";
    }

    private static string Unknown(string word, ParseResult request) =>
        $"unknown {(word.StartsWith('-') ? "option" : "argument")} '{word}'"
        + $"{Nearest(word, request.CommandResult.Command)}; {TryHelp(request)}";

    private static string TryHelp(ParseResult request) => $"try: {PathOf(request.CommandResult)} --help";

    // Where a verb or an option takes several words, the library takes a word with a dash for one of them.
    private static string? OptionTakenForArgument(ParseResult request)
    {
        var valued = OptionsOf(request.CommandResult)
            .Where(option => option.ValueType != typeof(bool) && option.Arity.MaximumNumberOfValues > 0)
            .SelectMany(option => option.Aliases.Append(option.Name))
            .ToHashSet();
        Token? before = null;
        foreach (var token in request.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash))
        {
            var isValue = before is { Type: TokenType.Option } && valued.Contains(before.Value);
            if (token.Type == TokenType.Argument && !isValue && IsLikeOption(token.Value)) return token.Value.Split('=')[0];
            before = token;
        }

        return null;
    }

    private static IEnumerable<Option> OptionsOf(CommandResult result) =>
        result.Parent is CommandResult parent ? result.Command.Options.Concat(OptionsOf(parent)) : result.Command.Options;

    // "-" alone is a name, and "-1" a number.
    private static bool IsLikeOption(string word) =>
        word.Length > 1 && word[0] == '-' && !double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    // The library's words for a value of another type name the type of .NET.
    private static string Describe(ParseError error)
    {
        var namesType = error.Message.Contains(nameof(System), StringComparison.Ordinal);
        if (!namesType || error.SymbolResult is not OptionResult { Option: var option, Tokens: var values })
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

/// <summary>Refuses empty arguments, which unset shell variables leave.</summary>
internal static class EmptyWords
{
    // A text may be empty, or its verb has a more specific error.
    private static readonly string[] Texts = ["TEXT", "LINE"];

    /// <summary>Looks through the arguments and the options that were given.</summary>
    /// <exception cref="InvalidInputException">One is empty.</exception>
    public static void Refuse(CommandResult command)
    {
        foreach (var part in command.Children)
        {
            var name = part switch
            {
                ArgumentResult { Argument: var argument } => argument.Name,
                OptionResult { Option: var option } when !Texts.Contains(option.HelpName) => option.Name,
                _ => null,
            };
            if (name is not null && part.Tokens.Any(token => token.Value.Length == 0))
                throw new InvalidInputException(
                    name, "a value", "an empty one", "give one, or set the shell variable that it comes from");
        }
    }
}
