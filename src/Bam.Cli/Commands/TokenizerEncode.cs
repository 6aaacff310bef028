using System.CommandLine;
using Bam.Data.Text;
using Bam.Tokenization;

namespace Bam.Cli.Commands;

/// <summary>The ids of texts.</summary>
internal sealed class TokenizerEncode : Verb
{
    private readonly Argument<string[]> inputs = new("TEXT")
    {
        Description = "Files (.txt, one document each; .jsonl, .parquet; also .gz, .zst), folders, or patterns such as "
            + "'law/*.txt'",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string> text = new("--text")
    {
        Description = "A text to encode instead of files",
        HelpName = "TEXT",
    };

    private readonly Option<string> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint with one",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<bool> noSpecialTokens = new("--no-special-tokens")
    {
        Description = "Do not add the tokenizer's special tokens, such as begin-of-text",
    };

    private readonly Option<string> textKey = new("--text-key")
    {
        Description = "The .jsonl field or .parquet column that contains the text",
        HelpName = "KEY",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    public TokenizerEncode()
        : base(
            "encode", "Encode texts and print the ids, one line per document; documents of white space only are skipped",
            "bam tokenizer encode letter.txt --tokenizer models/llama")
    {
        Arguments.Add(inputs);
        foreach (var option in new Option[] { text, tokenizer, noSpecialTokens, textKey, skipBadLines }) Options.Add(option);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        var encoder = Tokenizer.Load(invocation.GetRequired(tokenizer));
        var addSpecialTokens = !invocation.Get(noSpecialTokens);
        invocation.WriteEach(TextsOf(invocation).Select(Encode), ids => string.Join(' ', ids) + '\n');
        return ExitStatus.Done;

        int[] Encode(string text)
        {
            invocation.Cancellation.ThrowIfCancellationRequested();
            var ids = encoder.Encode(text, addSpecialTokens);
            if (addSpecialTokens) BeginTokens.WarnIfTwice(encoder, ids, "a text", invocation.Reporter);
            return ids;
        }
    }

    private IEnumerable<string> TextsOf(Invocation invocation)
    {
        var files = invocation.Get(inputs) ?? [];
        if (invocation.Get(text) is { } given)
            return files.Length == 0
                ? [given]
                : throw new InvalidInputException("--text", "either a text or files", "both", "leave one out");
        if (files.Length == 0)
            throw new InvalidInputException(
                "TEXT is missing: name files, or give a text with --text; try: bam tokenizer encode --help");
        return DocumentTexts.Read(
            InputFiles.Resolve(files, invocation.Reporter),
            invocation.Reporter,
            invocation.Get(textKey)!,
            SkipBadLinesOption.Of(invocation, skipBadLines));
    }
}
