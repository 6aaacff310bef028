using System.Text.Json.Nodes;

namespace Bam.Experiments.Phases;

/// <summary>
/// One unit of work of a recipe, whose outcome is kept under its key. The key is made of the phase's settings, needs and files. A
/// phase class has no fields of its own, so what <see cref="Run"/> reads is what the key is made of; a test checks this.
/// </summary>
/// <param name="kind">What is done: "tokenizer", "train" …</param>
/// <param name="name">The domain's or the model's name; unique within the kind.</param>
/// <param name="settings">A record. Its properties are the settings in the key, by <see cref="SettingsJson"/>.</param>
/// <param name="needs">The phases whose outputs this one reads; their order is the order in which they run.</param>
/// <param name="files">The users' files that it reads; null for none.</param>
/// <param name="version">Raised when the code or the output format changes the outcome.</param>
internal abstract class Phase(
    string kind, string name, object settings, IReadOnlyList<PhaseNeed> needs, IReadOnlyList<PhaseFiles>? files = null,
    int version = 1)
{
    private PhaseInputs? inputs;
    private string? key;

    /// <summary>What is done: "tokenizer", "train" …</summary>
    public string Kind { get; } = kind;

    /// <summary>The domain's or the model's name; unique within the kind.</summary>
    public string Name { get; } = name;

    /// <summary>Kind and name, human-readable: "train law".</summary>
    public string Title => Kind == Name ? Kind : $"{Kind} {Name}";

    /// <summary>The phases whose outputs this one reads, by their roles.</summary>
    public IReadOnlyList<PhaseNeed> Needs { get; } = needs;

    /// <summary>The users' files that this phase reads, by their roles.</summary>
    public IReadOnlyList<PhaseFiles> Files { get; } = files ?? [];

    /// <summary>The phases whose outputs this one reads, each once.</summary>
    public IEnumerable<Phase> Dependencies => Needs.Select(need => need.Phase).Distinct();

    /// <summary>What the outcome depends on.</summary>
    public PhaseInputs Inputs => inputs ??= new()
    {
        Kind = Kind,
        Version = version,
        Settings = SettingsJson.Of(SettingsRecord),
        Files = Files.ToDictionary(file => file.Role, file => file.Sha256),
        Phases = Needs.Where(need => !need.IsImplied).ToDictionary(need => need.Role, need => need.Phase.Key),
    };

    /// <summary>SHA-256 of <see cref="Inputs"/>.</summary>
    public string Key => key ??= Inputs.Key();

    /// <summary>The settings; each class casts them to its own record.</summary>
    protected object SettingsRecord { get; } = settings;

    /// <summary>
    /// True: interrupted work in the phase's directory is taken up. False: what the phase wrote there is removed before a new
    /// attempt.
    /// </summary>
    public virtual bool CanContinueIn(PhaseStore store) => false;

    /// <summary>True if it measures time: no other phase of the run then runs on the same machine.</summary>
    public virtual bool IsTimed => false;

    /// <summary>Wall seconds of its work, when it is finished.</summary>
    public virtual double SecondsIn(PhaseStore store) => store.OutcomeOf(this).Seconds;

    /// <summary>Does the work inside <see cref="PhaseContext.Directory"/>.</summary>
    /// <returns>What later phases and the results need to know, as JSON that <c>done.json</c> keeps.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; what can be saved is saved.</exception>
    public abstract JsonObject Run(PhaseContext context);

    /// <summary>The needed phases of a class, in the order of <see cref="Needs"/>.</summary>
    public IEnumerable<T> All<T>()
        where T : Phase => Needs.Select(need => need.Phase).OfType<T>();

    /// <inheritdoc/>
    public override string ToString() => Title;

    /// <summary>
    /// Whether the phase writes a file of that name, relative to its directory: only such files are removed before a new attempt.
    /// </summary>
    protected internal virtual bool IsOutput(string file) => false;
}

/// <summary>A phase whose output another one reads.</summary>
/// <param name="Role">The name by which the reader's key knows it.</param>
/// <param name="Phase">The phase.</param>
/// <param name="IsImplied">
/// True if the key does not name it, since the key of another needed phase depends on the same text and settings already.
/// </param>
internal sealed record PhaseNeed(string Role, Phase Phase, bool IsImplied = false)
{
    /// <summary>A phase in the role of its title.</summary>
    public static PhaseNeed Of(Phase phase) => new(phase.Title, phase);
}

/// <summary>Users' files that a phase reads; the key holds their content, not their paths.</summary>
/// <param name="Role">The name by which the key knows them.</param>
/// <param name="Paths">Files, folders or patterns.</param>
/// <param name="Sha256">Of the content of all of them.</param>
internal sealed record PhaseFiles(string Role, IReadOnlyList<string> Paths, string Sha256);

/// <summary>The settings of a phase that has none.</summary>
internal sealed record NoSettings;
