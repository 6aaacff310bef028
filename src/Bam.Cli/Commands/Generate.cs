using System.CommandLine;
using Bam.Checkpoints.Opening;
using Bam.Files;
using Bam.Generation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Torch.Distributed;

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
    private readonly Option<string> weightsDtype = WeightsDtypeOption.Create();
    private readonly ChatPrompt chat = new();

    public Generate()
        : base(
            "generate", "Generate text after a prompt, streamed token by token",
            "bam generate MODEL --prompt Once --max-tokens 64 --temperature 0.8 --top-p 0.95")
    {
        Arguments.Add(model);
        foreach (var option in (Option[])
            [
                prompt, promptFile, .. chat.Options, maxTokens, temperature, topK, topP, seed, stop, noSpecialTokens, showExperts,
                device, weightsDtype,
            ])
        {
            Options.Add(option);
        }
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        invocation = CommandRanks.Of(invocation);
        var directory = invocation.GetRequired(model);
        var config = ModelConfigReader.Load(directory, invocation.Reporter);
        LibTorch.BeginLoad();
        using var checkpoint = Checkpoint.Open(directory, invocation.Reporter);
        var baseDirectory = ModelPath.Of(directory).Base;
        var tokenizer = Tokenizer.Load(baseDirectory);
        tokenizer.RequireFits(config.VocabSize, directory, invocation.Reporter);
        var options = Request(invocation);
        options.Validate();
        StopTokens.Of(options.StopStrings, tokenizer);
        if (options.TraceRouting && !config.IsMixture)
            throw new InvalidInputException("--show-experts", "a mixture", $"{directory}, a dense model", "leave it out");
        var hasPrompt = invocation.Get(prompt) is not null || invocation.Get(promptFile) is not null;
        chat.Check(invocation, hasPrompt, invocation.Get(noSpecialTokens));
        var encoder = chat.IsEnabled(invocation) ? chat.EncoderOf(invocation, tokenizer, baseDirectory) : null;
        if (encoder is not null) options = options with { EndIds = encoder.EndOfTurnIds() };
        var isSession = chat.IsInteractive(invocation, hasPrompt);
        if (isSession) CommandRanks.RequireNoStandardInput("--chat");
        int[]? messages = null;
        if (encoder is not null && !isSession)
            messages = encoder.EncodePrompt(
                chat.ConversationOf(invocation, () => PromptText.Read(invocation, prompt, promptFile)));
        var text = encoder is null ? PromptText.Read(invocation, prompt, promptFile) : "";

        var weightsType = WeightsDtypeOption.Of(invocation, weightsDtype);
        LibTorch.Load();
        var place = CommandRanks.DeviceOf(invocation, device);
        WeightsDtypeOption.Require(weightsType, place);
        CommandRanks.Run(invocation, place, Write);
        return ExitStatus.Done;

        void Write(ProcessGroup? ranks)
        {
            using var loaded = ModelCheckpoint.Load(
                checkpoint, place, withGradients: false, expertGroup: ranks, weightsType: weightsType);
            checkpoint.Dispose(); // its files need not stay open during a conversation
            var generator = new Generator(loaded, tokenizer);
            var writer = new GenerationWriter(invocation, directory, baseDirectory, options, tokenizer, config);
            if (isSession)
            {
                ChatSession.Run(
                    Console.In,
                    chat.SystemOf(invocation),
                    conversation => writer.Run(generator, generator.Accept(encoder!.EncodePrompt(conversation))).Text,
                    invocation);
                return;
            }

            var ids = messages is null
                ? generator.Encode(text, !invocation.Get(noSpecialTokens))
                : generator.Accept(messages);
            if (messages is null && !invocation.Get(noSpecialTokens))
                BeginTokens.WarnIfTwice(tokenizer, ids, "the prompt", invocation.Reporter);
            writer.Run(generator, ids);
        }
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
        CommandRanks.RequireNoStandardInput("the prompt");
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
