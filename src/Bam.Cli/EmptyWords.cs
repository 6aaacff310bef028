using System.CommandLine.Parsing;

namespace Bam.Cli;

/// <summary>Refuses "" where a word is expected, which an unset variable of the shell leaves.</summary>
internal static class EmptyWords
{
    // A text may be empty, or its verb knows better what to say of it.
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
                throw new InvalidInputException(name, "a word", "an empty one", "give it, or set the variable that it comes from");
        }
    }
}
