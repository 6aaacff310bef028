using System.CommandLine;
using Bam.Data.Text;
using Bam.Tokenization;

namespace Bam.Cli.Commands;

/// <summary>The ids of texts.</summary>
internal sealed class TokenizerEncode : Verb
{
    private readonly Argument<string[]> inputs = new("TEXT")
    {
        Description = "Files (.txt, a document each; .jsonl, .jsonl.gz), folders that hold some, or patterns such as 'law/*.txt'",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string> text = new("--text")
    {
        Description = "A text itself, in place of files",
        HelpName = "TEXT",
    };

    private readonly Option<string> tokenizer = new("--tokenizer")
    {
        Description = "A tokenizer.json, or a checkpoint that has one",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<bool> noSpecialTokens = new("--no-special-tokens")
    {
        Description = "Leave out the tokens that the tokenizer puts around a text, such as the one that begins it",
    };

    private readonly Option<string> textKey = new("--text-key")
    {
        Description = "The field of a JSONL line that holds the text",
        HelpName = "KEY",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    public TokenizerEncode()
        : base("encode", "Print the ids of texts, a line for each document that is not just white space", "bam tokenizer encode letter.txt --tokenizer models/llama")
    {
        Arguments.Add(inputs);
        foreach (var option in new Option[] { text, tokenizer, noSpecialTokens, textKey, skipBadLines }) Options.Add(option);
    }

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
            return files.Length == 0 ? [given] : throw new InvalidInputException("--text", "a text in place of files", "files as well", "leave one of them out");
        if (files.Length == 0) throw new InvalidInputException("TEXT is missing: name files, or give a text by --text; try: bam tokenizer encode --help");
        return DocumentTexts.Read(
            InputFiles.Resolve(files, invocation.Reporter), invocation.Reporter, invocation.Get(textKey)!, SkipBadLinesOption.Of(invocation, skipBadLines));
    }
}
