using Bam.Checkpoints;
using Bam.Files;
using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Models;
using Bam.Server.Http;
using Bam.Tokenization;

namespace Bam.Server.Serving;

/// <summary>A model with its tokenizer, and the thread that decodes with it.</summary>
internal sealed class ServedModel : IDisposable
{
    private readonly string path;
    private readonly Generator generator;

    /// <summary>Allocates the cache and begins to take texts. The model stays the caller's.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="path">Its directory, or BASE+ADAPTER, as the user wrote it.</param>
    /// <param name="options">What may be used.</param>
    /// <param name="reporter">Gets the server's own failures, not those of requests.</param>
    public ServedModel(LanguageModel model, Tokenizer tokenizer, string path, ServerOptions options, IReporter reporter)
    {
        (this.path, Config, Tokenizer, Options, Reporter) = (path, model.Config, tokenizer, options, reporter);
        generator = new Generator(model, tokenizer);
        var source = ModelPath.Of(path);
        (Id, Directory) = (Upcycling.ExpertNames.NameOf(source), source.Base);
        Context = options.ContextOf(model.Config);
        EndIds = new HashSet<int>([.. model.Config.EosTokenIds, .. tokenizer.EndOfTextId is { } id ? new[] { id } : []]);
        ExpertNames = Upcycling.ExpertNames.Of(Directory, model.Config);
        Chat = new ChatPrompts(tokenizer, Directory);
        Scheduler = new DecodingScheduler(model, new(options.Slots, Context, options.Queue));
    }

    /// <summary>The model's name in requests and answers: that of its directory.</summary>
    public string Id { get; }

    /// <summary>When it was loaded, in seconds since 1970.</summary>
    public long Created { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>The checkpoint, without adapters.</summary>
    public string Directory { get; }

    public ModelConfig Config { get; }

    public Tokenizer Tokenizer { get; }

    public ServerOptions Options { get; }

    public IReporter Reporter { get; }

    public DecodingScheduler Scheduler { get; }

    public ChatPrompts Chat { get; }

    /// <summary>The most tokens of one text, prompt and new ones.</summary>
    public int Context { get; }

    /// <summary>Ids that end a text.</summary>
    public IReadOnlySet<int> EndIds { get; }

    /// <summary>The models that the experts were made from; null if that is not known.</summary>
    public IReadOnlyList<string>? ExpertNames { get; }

    /// <summary>True once no more texts are taken.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Whether a request means this model: by its name, or by its path.</summary>
    public bool IsNamed(string name) => name == Id || name == path;

    /// <summary>The ids of a prompt; an empty one is the start of a document.</summary>
    /// <exception cref="InvalidInputException">The model has no row for a token, or nothing to begin with.</exception>
    public int[] Encode(string prompt, bool addSpecialTokens) => generator.Encode(prompt, addSpecialTokens);

    /// <summary>The number of new tokens of a text: as asked for, else as usual, at most what there is room for.</summary>
    /// <param name="promptTokens">The length of the prompt.</param>
    /// <param name="asked">What the request asks for; null for nothing.</param>
    /// <param name="usual">What a request without a number gets.</param>
    /// <param name="field">The field of the number.</param>
    /// <param name="promptField">The field of the prompt.</param>
    /// <exception cref="ApiException">There is no room for it.</exception>
    public int NewTokens(int promptTokens, int? asked, int usual, string field, string promptField)
    {
        var most = Options.MaxTokens ?? Context;
        if (asked > most) throw ApiException.Wrong(field, $"'{field}' may be at most {most} here, found {asked}.");
        if (promptTokens + (asked ?? 1) > Context)
        {
            throw ApiException.Wrong(
                promptField,
                $"The context has {Context} tokens, but the request has {promptTokens} in its prompt "
                    + $"and asks for {asked ?? 1} more.",
                "context_length_exceeded");
        }

        return asked ?? Math.Min(Math.Min(usual, most), Context - promptTokens);
    }

    /// <summary>Takes no more texts, lets those that there are end within a time, and cancels the others.</summary>
    public void Stop(TimeSpan patience)
    {
        IsStopping = true;
        Scheduler.Stop(patience);
    }

    public void Dispose() => Scheduler.Dispose();
}
