-- Forwards every dose report that Orthanc stores to another system, as a job.
--
-- Name the receiver in Orthanc's environment:
--   DACS_FORWARD_MODALITY=REGISTRY    a name in "DicomModalities" (sent by C-STORE), or
--   DACS_FORWARD_PEER=central         a name in "OrthancPeers" (sent over HTTP)
-- and add this file to "LuaScripts". Without a name it does nothing.
--
-- A job that fails is kept in Orthanc's job list, where it can be resubmitted; Orthanc does not retry it by itself.

local DOSE_REPORTS = {
  ['1.2.840.10008.5.1.4.1.1.88.67'] = true,  -- X-Ray Radiation Dose SR (PS3.4 B.5)
  ['1.2.840.10008.5.1.4.1.1.88.68'] = true,  -- Radiopharmaceutical Radiation Dose SR
  ['1.2.840.10008.5.1.4.1.1.88.76'] = true,  -- Enhanced X-Ray Radiation Dose SR
}

local function target()
  local modality = os.getenv('DACS_FORWARD_MODALITY')
  if modality and modality ~= '' then
    return '/modalities/' .. modality .. '/store'
  end
  local peer = os.getenv('DACS_FORWARD_PEER')
  if peer and peer ~= '' then
    return '/peers/' .. peer .. '/store'
  end
  return nil
end

function OnStoredInstance(instanceId, tags, metadata, origin)
  -- What a script of this Orthanc stored is not sent on. Two systems must not forward to each other: Orthanc
  -- announces a duplicate as it announces a new object, and the two would never stop.
  if origin['RequestOrigin'] == 'Lua' then
    return
  end
  local url = target()
  if url and DOSE_REPORTS[metadata['SopClassUid']] then
    local job = { Resources = { instanceId }, Synchronous = false }
    local answer = RestApiPost(url, DumpJson(job, true), true)
    if answer == nil or answer == '' then
      print('dacs: cannot forward dose report ' .. instanceId .. ': is ' .. url .. ' configured?')
    end
  end
end
