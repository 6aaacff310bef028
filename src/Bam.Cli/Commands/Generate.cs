using System.CommandLine;
using System.Globalization;
using Bam.Checkpoints.Opening;
using Bam.Files;
using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Upcycling;

namespace Bam.Cli.Commands;

/// <summary>Continues a prompt, token by token.</summary>
internal sealed class Generate : Verb
{
    private readonly Argument<string> model = new("MODEL")
    {
        Description = "A checkpoint directory with a tokenizer.json, or BASE+ADAPTER",
    };

    private readonly Option<string?> prompt = new("--prompt")
    {
        Description = "The text to continue [default: standard input]",
        HelpName = "TEXT",
    };

    private readonly Option<string?> promptFile = new("--prompt-file")
    {
        Description = "A file with the text to continue",
        HelpName = "FILE",
    };

    private readonly Option<int?> maxTokens = new("--max-tokens")
    {
        Description = "Maximum number of tokens to generate "
            + $"[default: {GenerationOptions.DefaultMaxNewTokens}, or what the model's context leaves]",
        HelpName = "N",
    };

    private readonly Option<double> temperature = new("--temperature")
    {
        Description = "Sampling temperature; 0 always takes the most probable token",
        HelpName = "T",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int?> topK = new("--top-k")
    {
        Description = "Sample from the K most probable tokens only",
        HelpName = "K",
    };

    private readonly Option<double> topP = new("--top-p")
    {
        Description = "Sample from the most probable tokens only, up to a total probability of P",
        HelpName = "P",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<long> seed = new("--seed")
    {
        Description = "Random seed; the same seed gives the same text",
        HelpName = "S",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string[]> stop = new("--stop")
    {
        Description = "Stop before this text or at this special token; repeat the option for several",
        HelpName = "TEXT",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> noSpecialTokens = new("--no-special-tokens")
    {
        Description = "Do not add the tokenizer's special tokens, such as begin-of-text",
    };

    private readonly Option<bool> showExperts = new("--show-experts") { Description = "Show the experts of each token" };
    private readonly Option<string> device = DeviceOption.Create();

    public Generate()
        : base(
            "generate", "Generate text after a prompt, streamed token by token",
            "bam generate MODEL --prompt Once --max-tokens 64 --temperature 0.8 --top-p 0.95")
    {
        Arguments.Add(model);
        foreach (var option in new Option[]
        {
            prompt, promptFile, maxTokens, temperature, topK, topP, seed, stop, noSpecialTokens, showExperts, device,
        })
        {
            Options.Add(option);
        }
    }

    public override int Execute(Invocation invocation)
    {
        var directory = invocation.GetRequired(model);
        var config = ModelConfigReader.Load(directory, invocation.Reporter);
        var (checkpoint, _) = ModelPath.Of(directory);
        var tokenizer = Tokenizer.Load(checkpoint);
        tokenizer.RequireFits(config.VocabSize, directory, invocation.Reporter);
        var options = Request(invocation);
        options.Validate();
        StopTokens.Of(options.StopStrings, tokenizer);
        if (options.TraceRouting && !config.IsMixture)
            throw new InvalidInputException("--show-experts", "a mixture", $"{directory}, a dense model", "leave it out");
        var text = PromptText.Read(invocation, prompt, promptFile);

        LibTorch.Load();
        using var loaded = ModelCheckpoint.Load(
            directory, DeviceOption.Of(invocation, device), invocation.Reporter, withGradients: false);
        var generator = new Generator(loaded, tokenizer);
        var ids = generator.Encode(text, !invocation.Get(noSpecialTokens));
        if (!invocation.Get(noSpecialTokens)) BeginTokens.WarnIfTwice(tokenizer, ids, "the prompt", invocation.Reporter);
        _ = generator.RoomAfter(ids.Length); // a prompt that is too long is refused before anything is written
        var names = options.TraceRouting ? ExpertNames.Of(checkpoint, config) : null;
        var experts = options.TraceRouting ? new ExpertLines(config, tokenizer, names) : null;
        if (experts is not null) invocation.WritePiece(experts.Head);

        var result = generator.Run(
            ids,
            options,
            token => invocation.WritePiece(experts is null ? token.Text : experts.LineOf(token)),
            invocation.Cancellation);
        invocation.WritePiece(experts is null ? "\n" : $"\n{result.Text}\n");
        Finish(invocation, result, directory, options, tokenizer, names);
        return ExitStatus.Done;
    }

    private GenerationOptions Request(Invocation invocation) => new()
    {
        MaxNewTokens = invocation.Get(maxTokens),
        Sampler = new SamplerOptions
        {
            Temperature = invocation.Get(temperature),
            TopK = invocation.Get(topK),
            TopP = invocation.Get(topP),
            Seed = invocation.Get(seed),
        },
        StopStrings = invocation.Get(stop)!,
        TraceRouting = invocation.Get(showExperts),
    };

    // The text is already written, so an interruption only changes the exit status.
    private static void Finish(
        Invocation invocation,
        GenerationResult result,
        string directory,
        GenerationOptions options,
        Tokenizer tokenizer,
        IReadOnlyList<string>? names)
    {
        invocation.WriteJson(() => new
        {
            Model = directory,
            result.Text,
            result.StopReason,
            result.PromptTokens,
            Ids = result.Tokens.Select(token => token.Id),
            Tokens = result.Tokens.Select(token => new { token.Id, Token = tokenizer.IdToToken(token.Id), token.Route }),
            Experts = names,
            options.Sampler,
            result.PrefillSeconds,
            result.DecodeSeconds,
            result.TokensPerSecond,
            result.CacheBytes,
        });
        invocation.Reporter.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Tokens.Count:N0} {(result.Tokens.Count == 1 ? "token" : "tokens")} "
            + $"after a prompt of {result.PromptTokens:N0}, ended by {Words(result.StopReason)}; "
            + $"prefill {result.PrefillSeconds:0.000} s, decode {result.DecodeSeconds:0.000} s, "
            + $"{result.TokensPerSecond:0.0} tokens/s; keys and values {result.CacheBytes / 1e6:0.0} MB"));
        if (result.StopReason == StopReason.Interrupted) throw new OperationCanceledException(invocation.Cancellation);
    }

    private static string Words(StopReason reason) => reason switch
    {
        StopReason.MaxTokens => "the token limit",
        StopReason.EndOfText => "end of text",
        StopReason.StopString => "a stop string",
        _ => "interruption",
    };
}

/// <summary>The text to continue: an option's, a file's or standard input's.</summary>
internal static class PromptText
{
    public static string Read(Invocation invocation, Option<string?> text, Option<string?> file)
    {
        var path = invocation.Get(file);
        if (invocation.Get(text) is { } given)
            return path is null
                ? given
                : throw new InvalidInputException("--prompt and --prompt-file", "one of them", "both", "leave one out");
        if (path is not null) return WithoutLastLineBreak(InputFile.ReadAllText(path, "check the path"));
        if (!Console.IsInputRedirected) invocation.Reporter.Say("reading the prompt from the terminal; Ctrl-D ends it");
        using var input = Console.OpenStandardInput();
        return WithoutLastLineBreak(StandardInput.ReadAllText(input));
    }

    // Editors and echo add one at the end.
    private static string WithoutLastLineBreak(string text)
    {
        if (text.EndsWith("\r\n", StringComparison.Ordinal)) return text[..^2];
        return text.EndsWith('\n') ? text[..^1] : text;
    }
}
