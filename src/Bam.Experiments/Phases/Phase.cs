namespace Bam.Experiments.Phases;

/// <summary>One unit of work of a recipe, whose outcome is kept under its key.</summary>
/// <param name="kind">What is done: "tokenizer", "train" …</param>
/// <param name="name">What to: the domain's or the model's name; unique within the kind.</param>
/// <param name="dependencies">The phases whose outputs this one reads.</param>
internal abstract class Phase(string kind, string name, IReadOnlyList<Phase> dependencies)
{
    private PhaseInputs? inputs;
    private string? key;

    /// <summary>What is done: "tokenizer", "train" …</summary>
    public string Kind { get; } = kind;

    /// <summary>The domain's or the model's name; unique within the kind.</summary>
    public string Name { get; } = name;

    /// <summary>Kind and name, human-readable: "train law".</summary>
    public string Title => Kind == Name ? Kind : $"{Kind} {Name}";

    /// <summary>The phases whose outputs this one reads.</summary>
    public IReadOnlyList<Phase> Dependencies { get; } = dependencies;

    /// <summary>What the outcome depends on.</summary>
    public PhaseInputs Inputs => inputs ??= Describe();

    /// <summary>SHA-256 of <see cref="Inputs"/>.</summary>
    public string Key => key ??= Inputs.Key();

    /// <summary>
    /// True: interrupted work in the phase's directory is taken up. False: what the phase wrote there is removed before a new
    /// attempt.
    /// </summary>
    public virtual bool CanContinueIn(PhaseStore store) => false;

    /// <summary>Wall seconds of its work, when it is finished.</summary>
    public virtual double SecondsIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).Seconds;
    }

    /// <summary>Does the work inside <see cref="PhaseContext.Directory"/>.</summary>
    /// <returns>What later phases and the results need to know, as JSON that <c>done.json</c> keeps.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; what can be saved is saved.</exception>
    public abstract System.Text.Json.Nodes.JsonObject Run(PhaseContext context);

    /// <summary>
    /// Whether the phase writes a file of that name, relative to its directory: only such files are removed before a new attempt.
    /// </summary>
    protected internal virtual bool IsOutput(string file) => false;

    /// <summary>Collects <see cref="Inputs"/>, once.</summary>
    protected abstract PhaseInputs Describe();

    /// <inheritdoc/>
    public override string ToString() => Title;
}
