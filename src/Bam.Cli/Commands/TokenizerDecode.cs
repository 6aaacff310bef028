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
        Description = "A file with the ids of one text per line, as printed by 'bam tokenizer encode'",
    };

    private readonly Option<string> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint with one",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<bool> skipSpecialTokens = new("--skip-special-tokens")
    {
        Description = "Omit special tokens, such as begin-of-text",
    };

    public TokenizerDecode()
        : base(
            "decode", "Decode ids and print the texts one after another; with --json as a list",
            "bam tokenizer decode ids.txt --tokenizer models/llama")
    {
        Arguments.Add(input);
        foreach (var option in new Option[] { tokenizer, skipSpecialTokens }) Options.Add(option);
    }

    public override bool TakesRanks => true;

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
            yield return decoder.Decode(
                Ids(line, decoder.VocabSize, $"{path}, line {number}"), invocation.Get(skipSpecialTokens));
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
