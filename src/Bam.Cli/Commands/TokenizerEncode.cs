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
        Arity = ArgumentArity.OneOrMore,
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

    public TokenizerEncode()
        : base("encode", "Print the ids of texts, a line for each document that is not just white space", "bam tokenizer encode letter.txt --tokenizer models/llama")
    {
        Arguments.Add(inputs);
        foreach (var option in new Option[] { tokenizer, noSpecialTokens, textKey }) Options.Add(option);
    }

    public override int Execute(Invocation invocation)
    {
        var encoder = Tokenizer.Load(invocation.GetRequired(tokenizer));
        var addSpecialTokens = !invocation.Get(noSpecialTokens);
        var documents = new List<int[]>();
        foreach (var text in DocumentTexts.Read(InputFiles.Resolve(invocation.GetRequired(inputs)), invocation.Get(textKey)!))
        {
            invocation.Cancellation.ThrowIfCancellationRequested();
            documents.Add(encoder.Encode(text, addSpecialTokens));
            invocation.WritePiece(string.Join(' ', documents[^1]) + '\n');
        }

        invocation.WriteJson(() => documents);
        return ExitStatus.Done;
    }
}
