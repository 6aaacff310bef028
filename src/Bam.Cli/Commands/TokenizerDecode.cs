using System.CommandLine;
using System.Globalization;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Cli.Commands;

/// <summary>The texts of ids.</summary>
internal sealed class TokenizerDecode : Verb
{
    private readonly Argument<string> input = new("IDS")
    {
        Description = "A file with the ids of one text in each line, as 'bam tokenizer encode' prints them",
    };

    private readonly Option<string> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint that has one",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<bool> skipSpecialTokens = new("--skip-special-tokens")
    {
        Description = "Leave out tokens that are no text, such as the one that begins it",
    };

    public TokenizerDecode()
        : base("decode", "Print the texts of ids, one after another; with --json as a list", "bam tokenizer decode ids.txt --tokenizer models/llama")
    {
        Arguments.Add(input);
        foreach (var option in new Option[] { tokenizer, skipSpecialTokens }) Options.Add(option);
    }

    public override int Execute(Invocation invocation)
    {
        var decoder = Tokenizer.Load(invocation.GetRequired(tokenizer));
        invocation.WriteEach(Texts(invocation, decoder), text => text + '\n');
        return ExitStatus.Done;
    }

    private IEnumerable<string> Texts(Invocation invocation, Tokenizer decoder)
    {
        var path = invocation.GetRequired(input);
        var (number, empty) = (0L, 0L);
        foreach (var line in InputFile.ReadLines(path, "check the path"))
        {
            invocation.Cancellation.ThrowIfCancellationRequested();
            number++;
            if (line.Length == 0)
            {
                empty++; // a text without ids, unless nothing but empty lines follows
                continue;
            }

            for (; empty > 0; empty--) yield return "";
            yield return decoder.Decode(Ids(line, decoder.VocabSize, $"{path}, line {number}"), invocation.Get(skipSpecialTokens));
        }
    }

    private static int[] Ids(string line, int vocabSize, string where)
    {
        char[] separators = [' ', '\t', '\r', ',', '[', ']'];
        return Array.ConvertAll(line.Split(separators, StringSplitOptions.RemoveEmptyEntries), word =>
            int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id < vocabSize
                ? id
                : throw new InvalidInputException(where, $"ids below {vocabSize}", word, "give the ids of this tokenizer"));
    }
}
