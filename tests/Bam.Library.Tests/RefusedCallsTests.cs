using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Generation;
using Bam.Library;
using Bam.Tokenization;
using Bam.Training;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests;

/// <summary>What the public calls refuse, and how.</summary>
[Collection(TinySeed.Collection)]
public sealed class RefusedCallsTests(TinySeed seed) : IClassFixture<TinySeed>
{
    private const string Embedding = "model.embed_tokens.weight";

    private string Model => seed["models/seed"];

    private MixtureOptions Mixture => new() { Seed = Model, Experts = [Model] };

    private TrainingConfig Training => new()
    {
        Model = Model,
        Data = [new() { Domain = "law", Path = seed["data/seed"] }],
        Output = seed["runs/refused"],
        Settings = new() { Steps = 1, LearningRate = 1e-3, SequenceLength = 32 },
    };

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_evaluation_window_without_tokens(int length)
    {
        using var model = TextModel.Load(Model, "cpu");
        var message = $"the evaluation window: expected a number above 0, found {length}; lengthen it";
        Should.Throw<InvalidInputException>(() => model.Score("the court held", length)).Message.ShouldBe(message);
        Should.Throw<InvalidInputException>(() => model.Evaluate([seed["data/seed"]], length)).Message.ShouldBe(message);
    }

    [Fact]
    public void Training_settings_that_the_file_could_not_have()
    {
        RefusedSettings(s => s with { Tokens = 32 }, "key 'steps' and key 'tokens' exclude each other; keep one");
        RefusedSettings(s => s with { Steps = null }, "key 'tokens' or key 'steps' is missing: how long to train");
        RefusedSettings(s => s with { Steps = 0 }, "key 'steps': expected an integer of at least 1, found '0'");
        RefusedSettings(s => s with { Steps = -1 }, "key 'steps': expected an integer of at least 1, found '-1'");
        RefusedSettings(s => s with { LearningRate = 0 }, "key 'learning_rate': expected a number above 0, found '0'");
        RefusedSettings(
            s => s with { LearningRate = double.NaN }, "key 'learning_rate': expected a number above 0, found 'NaN'");
        RefusedSettings(
            s => s with { Epsilon = double.PositiveInfinity }, "key 'epsilon': expected a number above 0, found 'Infinity'");
        RefusedSettings(s => s with { Threads = 0 }, "key 'threads': expected an integer of at least 1 and at most 4096");
        RefusedSettings(s => s with { Dtype = (TrainingDtype)9 }, "key 'dtype': expected float32 or bfloat16, found '9'");
        RefusedSettings(s => s with { Beta2 = 2 }, "key 'beta2': expected a number of at least 0 and below 1, found '2'");
        RefusedSettings(s => s with { BatchSize = 0 }, "key 'batch_size': expected an integer of at least 1, found '0'");
        RefusedSettings(s => s with { SequenceLength = 0 }, "key 'sequence_length': expected an integer of at least 1");
        RefusedSettings(s => s with { GradientAccumulation = 0 }, "key 'gradient_accumulation': expected an integer of at");
        RefusedSettings(s => s with { GradientAccumulation = 3 }, "key 'gradient_accumulation': expected a divisor of");
        RefusedSettings(s => s with { LogEvery = 0 }, "key 'log_every': expected an integer of at least 1, found '0'");
        RefusedSettings(s => s with { CheckpointEvery = -1 }, "key 'checkpoint_every': expected an integer of at least 0");
        RefusedSettings(s => s with { KeepCheckpoints = 0 }, "key 'keep_checkpoints': expected an integer of at least 1");
        RefusedSettings(s => s with { Freeze = ["a", null!] }, "key 'freeze[1]': expected a text, found nothing");
        RefusedSettings(s => s with { Device = null! }, "key 'device': expected a text, found nothing");
    }

    [Fact]
    public void A_training_configuration_that_the_file_could_not_have()
    {
        Refused(Training with { Settings = null! }, "Settings is null");
        Refused(Training with { Model = null }, "key 'model' or key 'config' is missing: what to train");
        Refused(Training with { Model = "" }, "key 'model': expected a path, found an empty text");
        Refused(Training with { Output = null! }, "key 'output': expected a path, found nothing");
        Refused(Training with { Data = null! }, "key 'data': expected a list, found nothing");
        Refused(Training with { Data = [] }, "key 'data': expected at least one domain, found an empty list");
        Refused(Training with { Data = [null!] }, "key 'data[0]': expected keys and values, found nothing");
        var domain = Training.Data[0];
        Refused(Training with { Data = [domain, domain] }, "key 'data': domain 'law' is there twice");
        Refused(Training with { Data = [domain with { Domain = "" }] }, "key 'data': expected a name of each domain");
        Refused(Training with { Data = [domain with { Weight = 0 }] }, "key 'data[0].weight': expected a number above 0");
        Refused(Training with { Data = [domain with { Path = null! }] }, "key 'data[0].path': expected a path, found nothing");
        Should.Throw<ArgumentNullException>(() => Trainer.Run(null!)).ParamName.ShouldBe("config");
    }

    [Fact]
    public void A_cancelled_text_is_not_returned()
    {
        using var model = TextModel.Load(Model, "cpu");
        using var stop = new CancellationTokenSource();
        var pieces = 0;
        Should.Throw<OperationCanceledException>(() => model.Generate("the court", null, Stop, stop.Token))
            .CancellationToken.ShouldBe(stop.Token);
        pieces.ShouldBe(2);
        Should.Throw<OperationCanceledException>(() => model.Generate("the court", null, Stop, stop.Token));
        pieces.ShouldBe(2);

        void Stop(string piece)
        {
            pieces++;
            stop.Cancel();
        }
    }

    [Fact]
    public void By_default_a_text_ends_with_the_context()
    {
        using var model = TextModel.Load(Model, "cpu");
        var ids = model.Tokenizer.Encode(string.Concat(Enumerable.Repeat("the court ", 250)));
        var prompt = model.Tokenizer.Decode(ids.AsSpan(0, 240));
        model.Tokenizer.Encode(prompt).Length.ShouldBe(240);
        Tokens(null).ShouldBe(16);
        Tokens(new() { Sampler = new() { Temperature = 0.9 } }).ShouldBe(16);
        Should.Throw<InvalidInputException>(() => Tokens(new() { MaxNewTokens = 17 }));

        int Tokens(GenerationOptions? options)
        {
            var count = 0;
            model.Generate(prompt, options, _ => count++);
            return count;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData((1200 * 32) + 1)]
    public void A_destination_of_another_length(int length)
    {
        using var checkpoint = Checkpoint.Open(Model);
        var exception = Should.Throw<ArgumentException>(() => checkpoint.ReadFloat32(Embedding, new float[length]));
        exception.ParamName.ShouldBe("destination");
        exception.Message.ShouldStartWith(
            $"{Model}: parameter {Embedding}: expected a destination of 38400 elements, found {length}");
        Should.Throw<InvalidInputException>(() => checkpoint.ReadFloat32("no.such.weight", new float[length]))
            .Message.ShouldContain("parameter no.such.weight");
    }

    [Fact]
    public void Null_and_empty_arguments_are_named()
    {
        using var model = TextModel.Load(Model, "cpu");
        Named("directory", () => TextModel.Load(null!), () => TextModel.Load(""));
        Named("device", () => TextModel.Load(Model, null!));
        Named("prompt", () => model.Generate(null!));
        Named(
            "options",
            () => model.Generate("a", new() { Sampler = null! }),
            () => model.Generate("a", new() { StopStrings = null! }),
            () => model.Generate("a", new() { StopStrings = ["b", null!] }));
        Named("text", () => model.Score(null!), () => model.Tokenizer.Encode(null!));
        Named("data", () => model.Evaluate(null!), () => model.Evaluate([null!]), () => model.Evaluate([""]));
        Named("path", () => Tokenizer.Load(null!), () => Tokenizer.Load(""));
        Named("token", () => model.Tokenizer.TokenToId(null!));
        Named("path", () => TrainingConfig.Load(null!), () => TrainingConfig.Load(""));
        Named("directory", () => Checkpoint.Open(null!), () => Checkpoint.Open(""));
        var output = seed["data/no"];
        Named("inputs", () => TokenData.Build(null!, Model, output), () => TokenData.Build([null!], Model, output));
        string[] texts = [seed["text/law.jsonl"]];
        Named("tokenizer", () => TokenData.Build(texts, null!, output), () => TokenData.Build(texts, "", output));
        Named("output", () => TokenData.Build(texts, Model, null!), () => TokenData.Build(texts, Model, ""));
    }

    [Fact]
    public void Null_and_empty_arguments_of_a_mixture_are_named()
    {
        var output = seed["models/no"];
        Named("method", () => Upcycler.Mix(null!, Mixture, output));
        Named("output", () => Upcycler.Mix("btx", Mixture, null!), () => Upcycler.Mix("btx", Mixture, ""));
        Named("options", () => Upcycler.Mix("btx", null!, output));
        MixtureOptions[] wrong =
        [
            Mixture with { Seed = "" }, Mixture with { Seed = null! }, Mixture with { Experts = null! },
            Mixture with { Experts = [null!] }, Mixture with { Experts = [""] },
            Mixture with { RouterTexts = new(null!, 10) },
        ];
        foreach (var options in wrong) Named("options", () => Upcycler.Mix("btx", options, output));
        Should.Throw<ArgumentException>(() => Upcycler.Mix("btx", Mixture with { Experts = [Model, ""] }, output))
            .Message.ShouldStartWith("Experts[1] is empty");
    }

    [Fact]
    public void Mixture_options_that_the_command_line_refuses()
    {
        var unknown = Mixture with { AttentionInitialization = (AttentionInitialization)99 };
        RefusedMixture("bam", unknown, "attention-init: expected Copy, Mean, WeightedMean, Seed, Random, found 99");
        RefusedMixture("btx", unknown, "attention-init does not apply");
        RefusedMixture("btx", Mixture with { ShardBytes = 0 }, "shard-size: expected at least one byte, found 0");
        RefusedMixture("soup", Mixture with { ShardBytes = -1 }, "shard-size: expected at least one byte, found -1");
        RefusedMixture("soup", Mixture with { Dtype = TensorDtype.Int8 }, "dtype: expected float32, bfloat16, float16 or");
        Directory.Exists(seed["models/no"]).ShouldBeFalse();
    }

    private void RefusedSettings(Func<TrainingSettings, TrainingSettings> change, string message) =>
        Refused(Training with { Settings = change(Training.Settings) }, message);

    private void Refused(TrainingConfig config, string message)
    {
        Should.Throw<InvalidInputException>(() => Trainer.Run(config))
            .Message.ShouldStartWith($"the training configuration: {message}");
        Directory.Exists(seed["runs/refused"]).ShouldBeFalse();
    }

    private void RefusedMixture(string method, MixtureOptions options, string message) =>
        Should.Throw<InvalidInputException>(() => Upcycler.Mix(method, options, seed["models/no"]))
            .Message.ShouldContain(message);

    private static void Named(string parameter, params Action[] calls)
    {
        foreach (var call in calls) Should.Throw<ArgumentException>(call).ParamName.ShouldBe(parameter);
    }
}
