namespace Bam.Checkpoints;

/// <summary>How a model is written as a directory of safetensors: under which names, with which <c>config.json</c>, and with what beside it.</summary>
internal interface ICheckpointForm
{
    /// <summary>Refuses a model that the form cannot express exactly.</summary>
    /// <param name="config">The model.</param>
    /// <param name="where">What to call it in the message.</param>
    /// <exception cref="InvalidInputException">Says what cannot be expressed.</exception>
    void Require(ModelConfig config, string where);

    /// <summary>The name under which a parameter is stored.</summary>
    string NameOf(ParameterInfo parameter);

    /// <summary>Writes <c>config.json</c> and whatever else belongs to the form, but no tensors.</summary>
    /// <param name="config">The model, with the dtype that is written.</param>
    /// <param name="directory">Exists.</param>
    /// <param name="reporter">Warned of settings that what reads the form leaves unread.</param>
    void WriteSettings(ModelConfig config, string directory, IReporter reporter);

    /// <summary>Copies a model's tokenizer, if it has one, with the settings that the form's readers need.</summary>
    /// <param name="source">The model's directory.</param>
    /// <param name="config">The model that is written.</param>
    /// <param name="directory">Exists.</param>
    /// <exception cref="InvalidInputException">The tokenizer is damaged.</exception>
    void WriteTokenizer(string source, ModelConfig config, string directory);
}
