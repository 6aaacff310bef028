using System.CommandLine;
using Bam.Data.Text;
using Bam.Tokenization.Training;

namespace Bam.Cli.Commands;

/// <summary>Trains a byte-level BPE tokenizer on text.</summary>
internal sealed class TokenizerTrain : Verb
{
    private static readonly Dictionary<string, TokenizerStyle> Styles = new()
    {
        ["gpt2"] = TokenizerStyle.Gpt2,
        ["llama3"] = TokenizerStyle.Llama3,
        ["cohere"] = TokenizerStyle.Cohere,
        ["gpt-neox"] = TokenizerStyle.GptNeoX,
    };

    private readonly Argument<string[]> inputs = new("TEXT")
    {
        Description = "Files (.txt, .jsonl, .parquet; also .gz, .zst), folders, or patterns such as 'law/*.txt'",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> vocabSize = new("--vocab-size")
    {
        Description = "Vocabulary size, including the special tokens and the 256 bytes",
        HelpName = "N",
        Required = true,
    };

    private readonly Option<string> output = new("--output")
    {
        Description = "The tokenizer.json to write, or a directory for it; the name of a new directory ends with /",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> style = new("--style")
    {
        Description = $"How text is split into words, as in this family of models: {string.Join(", ", Styles.Keys)}",
        HelpName = "STYLE",
        DefaultValueFactory = _ => "gpt2",
    };

    private readonly Option<string[]> specialTokens = new("--special-token")
    {
        Description = "Special token, with ids from 0; repeat the option for several",
        HelpName = "TOKEN",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["<|endoftext|>"],
    };

    private readonly Option<int> minFrequency = new("--min-frequency")
    {
        Description = "Do not merge pairs of tokens that occur less often",
        HelpName = "N",
        DefaultValueFactory = _ => 2,
    };

    private readonly Option<string> textKey = new("--text-key")
    {
        Description = "The .jsonl field or .parquet column that contains the text",
        HelpName = "KEY",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    public TokenizerTrain()
        : base(
            "train", "Train a byte-level BPE tokenizer on text",
            "bam tokenizer train text/ --vocab-size 32000 --output tokenizer.json")
    {
        Arguments.Add(inputs);
        foreach (var option in new Option[] { vocabSize, output, style, specialTokens, minFrequency, textKey, skipBadLines })
            Options.Add(option);
    }

    public override int Execute(Invocation invocation)
    {
        var options = new BpeTrainerOptions
        {
            VocabSize = invocation.GetRequired(vocabSize),
            Style = StyleNamed(invocation.Get(style)!),
            SpecialTokens = invocation.Get(specialTokens)!,
            MinFrequency = invocation.Get(minFrequency),
        };
        var given = invocation.GetRequired(inputs);
        BpeTrainer.CheckOutput(invocation.GetRequired(output), given);
        var files = InputFiles.Resolve(given, invocation.Reporter);
        BpeTrainer.CheckOutput(invocation.GetRequired(output), files);
        var bytes = files.Sum(file => new FileInfo(file).Length);
        var reporter = invocation.Reporter;
        var documents = 0L;
        var badLines = SkipBadLinesOption.Of(invocation, skipBadLines);
        var texts = DocumentTexts.Read(files, reporter, invocation.Get(textKey)!, badLines, read =>
        {
            documents++;
            reporter.Advance(new("count words", read, bytes, "bytes"));
        });
        var tokenizer = BpeTrainer.Train(texts, options, new MergeProgress(reporter), invocation.Cancellation);
        if (tokenizer.VocabSize < options.VocabSize)
        {
            reporter.Warn(
                $"only {tokenizer.VocabSize} of {options.VocabSize} tokens: no other pair occurs {options.MinFrequency} times; " +
                "give more text or lower --vocab-size");
        }

        if (tokenizer.EndOfTextId is null)
            reporter.Warn("no end-of-text token: 'bam data build' needs one with a common name, such as <|endoftext|>");

        tokenizer.Save(invocation.GetRequired(output));
        var result = new Result(
            invocation.GetRequired(output), tokenizer.VocabSize, tokenizer.EndOfTextId, documents, bytes, tokenizer.Fingerprint);
        invocation.WriteResult(result, console => console.LabelledLine(
            $"{result.Output}: {result.VocabSize:N0} tokens from {result.Documents:N0} documents, {result.Bytes:N0} bytes"));
        return ExitStatus.Done;
    }

    private static TokenizerStyle StyleNamed(string name) =>
        Styles.TryGetValue(name, out var style)
            ? style
            : throw new InvalidInputException("--style", string.Join(", ", Styles.Keys), name, "choose one of these");

    private sealed class MergeProgress(IReporter reporter) : IProgress<BpeTrainerProgress>
    {
        public void Report(BpeTrainerProgress value)
        {
            if (value.Tokens > 0) reporter.Advance(new("merge pairs", value.Tokens, value.VocabSize, "tokens"));
        }
    }

    private sealed record Result(
        string Output, int VocabSize, int? EndOfTextId, long Documents, long Bytes, string Fingerprint);
}
