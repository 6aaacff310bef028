using Bam.Checkpoints.Opening;
using Bam.Generation;
using Bam.Library;
using Bam.Tokenization;
using Bam.Training;
using Bam.Upcycling;

namespace Bam.Tests;

/// <summary>The examples of docs/library.md, which quotes each region to the letter.</summary>
internal static class Examples
{
    public static string Generate()
    {
        #region generate
        using var model = TextModel.Load("models/mixture");
        var options = new GenerationOptions
        {
            MaxNewTokens = 32,
            Sampler = new() { Temperature = 0.8, TopP = 0.95, Seed = 1 },
            StopStrings = ["\n"],
        };
        var text = model.Generate("The court held that", options, onText: Console.Write);
        #endregion
        return text;
    }

    public static (double Perplexity, double? BitsPerByte) Score()
    {
        #region score
        using var model = TextModel.Load("models/mixture");
        var score = model.Score("The party of the first part shall be liable.");
        Console.WriteLine($"perplexity {score.Perplexity:0.00}, {score.BitsPerByte:0.000} bits per byte, {score.Tokens} tokens");
        #endregion
        return (score.Perplexity, score.BitsPerByte);
    }

    public static string Tokenize()
    {
        #region tokenize
        var tokenizer = Tokenizer.Load("models/mixture");
        int[] ids = tokenizer.Encode("The court held that");
        string text = tokenizer.Decode(ids);
        #endregion
        return text;
    }

    public static float[] Open()
    {
        #region checkpoint
        using var checkpoint = Checkpoint.Open("models/mixture");
        var config = checkpoint.Config;
        Console.WriteLine($"{checkpoint.ModelType}: {config.NumHiddenLayers} layers, {config.NumLocalExperts} experts");

        var embedding = new float[config.VocabSize * config.HiddenSize];
        checkpoint.ReadFloat32("model.embed_tokens.weight", embedding);
        #endregion
        return embedding;
    }

    public static void Build()
    {
        #region data
        TokenData.Build(inputs: ["text/law.jsonl"], tokenizer: "models/seed", output: "data/law");
        TokenData.Build(inputs: ["text/code.jsonl"], tokenizer: "models/seed", output: "data/code");
        #endregion
    }

    public static long TrainExperts()
    {
        var tokens = 0L;
        #region train
        foreach (var domain in new[] { "law", "code" })
        {
            var result = Trainer.Run(new TrainingConfig
            {
                Model = "models/seed",
                Data = [new() { Domain = domain, Path = $"data/{domain}" }],
                Output = $"runs/{domain}",
                Settings = new() { Tokens = 4096, LearningRate = 1e-3, SequenceLength = 32, BatchSize = 8 },
            });
            Console.WriteLine($"{result.Model}: {result.Tokens:N0} tokens, {result.TokensPerSecond:N0} tokens/s");
            #endregion
            tokens += result.Tokens;
        #region train
        }
        #endregion
        return tokens;
    }

    public static int Mix()
    {
        #region mix
        var plan = Upcycler.Mix(
            method: "bam",
            options: new MixtureOptions { Seed = "models/seed", Experts = ["runs/law/model", "runs/code/model"] },
            output: "models/mixture");
        Console.WriteLine($"{plan.Config.NumAttentionExperts} attention experts, {plan.ByteLength:N0} bytes");
        #endregion
        return plan.Config.NumAttentionExperts;
    }

    public static IReadOnlyDictionary<string, double> Evaluate()
    {
        #region evaluate
        using var model = TextModel.Load("models/mixture");
        var results = model.Evaluate(["data/law", "data/code"], windowLength: 32);
        foreach (var (domain, result) in results)
            Console.WriteLine($"{domain}: perplexity {result.Perplexity:0.00} over {result.Tokens:N0} tokens");
        #endregion
        return results.ToDictionary(result => result.Key, result => result.Value.Perplexity);
    }

    public static string Errors()
    {
        #region errors
        try
        {
            using var model = TextModel.Load("models/no-such-model");
        }
        catch (InvalidInputException e)
        {
            Console.Error.WriteLine(e.Message);
            #endregion
            return e.Message;
        #region errors
        }
        #endregion
        return "";
    }

    public static void Report(CancellationToken cancellation)
    {
        #region reporter
        Upcycler.Mix(
            "btx",
            new MixtureOptions { Seed = "models/seed", Experts = ["runs/law/model"] },
            "models/btx",
            new ConsoleReporter(),
            cancellation);
        #endregion
    }
}

#region reporter-class
internal sealed class ConsoleReporter : IReporter
{
    public void Say(string message) => Console.Error.WriteLine(message);

    public void Warn(string message) => Console.Error.WriteLine($"warning: {message}");

    public void Advance(WorkProgress progress) =>
        Console.Error.Write($"\r{progress.Activity}: {progress.Done:N0} of {progress.Total:N0} {progress.Unit}");
}
#endregion
